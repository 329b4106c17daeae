#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Skips: Site.test_no_page_is_wider_than_the_window: no chromium
"""make site: each link leads somewhere, nothing comes from elsewhere, and on a phone's and a
desktop's width no page is wider than the window."""

import html.parser
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "scripts"))

from lab import unit

WIDTHS = (390, 1280)
# Loads each page in a frame of each width, and says which is wider inside.
LOOK = """<!doctype html><meta charset="utf-8"><pre id="result"></pre><script>
"use strict";
async function look(page, width) {
	const frame = document.createElement("iframe");
	frame.style = `border: 0; width: ${width}px; height: 800px`;
	const loaded = new Promise(resolve => frame.onload = resolve);
	frame.src = page;
	document.body.append(frame);
	await loaded;
	const inside = frame.contentDocument.documentElement.scrollWidth;
	frame.remove();
	return inside > width ? [`${page}: ${inside} pixels wide in ${width}`] : [];
}
(async () => {
	const said = [];
	for (const page of PAGES)
		for (const width of WIDTHS)
			said.push(...await look(page, width));
	said.push(`${PAGES.length} pages looked at`);
	document.getElementById("result").textContent = said.join("\\n");
})();
</script>"""


class Page(html.parser.HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        self.loads += [attributes[name] for name in ("src",) if name in attributes]
        if tag == "link":
            self.loads.append(attributes["href"])
        if "id" in attributes:
            self.anchors.add(attributes["id"])


class Site(unittest.TestCase):
    """The pages."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        subprocess.run([TOP / "scripts/site"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "EDUDMA_BUILD": directory.name})
        cls.site = pathlib.Path(directory.name) / "site"
        cls.pages = {path: Page(path) for path in sorted(cls.site.rglob("*.html"))}

    def test_each_document_is_a_page(self):
        documents = len(list(TOP.glob("docs/**/*.md")))
        self.assertEqual(documents, len(list((self.site / "docs").rglob("*.html"))))
        self.assertIn(self.site / "index.html", self.pages)

    def test_links_lead_somewhere(self):
        for path, page in self.pages.items():
            for link in page.links:
                target, _, anchor = link.partition("#")
                if ":" in target:
                    continue
                there = (path.parent / target).resolve() if target else path
                with self.subTest(f"{path.relative_to(self.site)}: {link}"):
                    self.assertTrue(there.is_file())
                    if anchor and there in self.pages:
                        self.assertIn(anchor, self.pages[there].anchors)

    def test_nothing_comes_from_elsewhere(self):
        for path, page in self.pages.items():
            for source in page.loads:
                with self.subTest(f"{path.relative_to(self.site)}: {source}"):
                    self.assertNotIn(":", source)
                    self.assertTrue((path.parent / source).is_file())

    @unittest.skipUnless(shutil.which("chromium"), "no chromium")
    def test_no_page_is_wider_than_the_window(self):
        pages = [str(path.relative_to(self.site)) for path in self.pages]
        look = self.site / "look.html"
        look.write_text(LOOK.replace("PAGES", str(pages)).replace("WIDTHS", str(list(WIDTHS))))
        done = subprocess.run(
            # A sandbox would want more rights than tests have.
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
             "--allow-file-access-from-files", "--virtual-time-budget=60000",
             f"--user-data-dir={self.site}/profile", "--window-size=1400,900",
             look.as_uri()],
            check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        result = done.stdout.partition('id="result">')[2].partition("</pre>")[0]
        self.assertEqual(f"{len(pages)} pages looked at", result)


unit.main()
