// SPDX-License-Identifier: GPL-2.0-only
// In a page that has a timeline: what of it cannot be read.  The result becomes the text of
// the element "result", a line for each fault, and the last one says that all was seen.
"use strict";

const faults = [];

function colour(text) {
	return text.match(/[\d.]+/g).slice(0, 3).map(Number);
}

// Relative luminance, as WCAG defines it.
function luminance(rgb) {
	const [r, g, b] = rgb.map(value => value / 255).map(value =>
		value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
	const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
	return (high + 0.05) / (low + 0.05);
}

function overlap(a, b) {
	return Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.3 &&
		Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.3;
}

function within(a, b) {
	return a.left >= b.left - 0.3 && a.right <= b.right + 0.3 &&
		a.top >= b.top - 0.3 && a.bottom <= b.bottom + 0.3;
}

function pairs(list, what) {
	list.forEach((one, i) => list.slice(i + 1).forEach(other => {
		if (overlap(one.box, other.box))
			faults.push(`${what} overlap: ${one.name} and ${other.name}`);
	}));
}

const svg = document.querySelector("svg");
const picture = svg.getBoundingClientRect();
const item = element => ({
	element, box: element.getBoundingClientRect(), name: element.textContent,
	fill: colour(getComputedStyle(element).fill),
});
const texts = [...svg.querySelectorAll("text")].map(item);
const paper = item(svg.querySelector(".paper"));
const bars = [...svg.querySelectorAll("rect:not(.paper)")].map(item);

pairs(texts, "texts");
pairs(bars, "bars");
for (const one of [...texts, ...bars])
	if (!within(one.box, picture))
		faults.push(`outside of the picture: ${one.name}`);
for (const text of texts) {
	let ground = paper;
	if (text.element.classList.contains("on")) {
		ground = bars.find(bar => within(text.box, bar.box));
		if (!ground) {
			faults.push(`not within its bar: ${text.name}`);
			continue;
		}
	}
	if (contrast(text.fill, ground.fill) < 4.5)
		faults.push(`contrast ${contrast(text.fill, ground.fill).toFixed(1)}: ${text.name}`);
	if (text.box.height < 9)
		faults.push(`${text.box.height.toFixed(1)} pixels high: ${text.name}`);
}
for (const bar of bars)
	if (contrast(bar.fill, paper.fill) < 1.4)
		faults.push(`contrast ${contrast(bar.fill, paper.fill).toFixed(1)} of a bar: ${bar.name}`);

const result = document.createElement("pre");
result.id = "result";
result.textContent = [...faults, `${texts.length} texts, ${bars.length} bars, ` +
	`${luminance(paper.fill) > 0.5 ? "light" : "dark"}, ${faults.length} faults`].join("\n");
document.body.append(result);
