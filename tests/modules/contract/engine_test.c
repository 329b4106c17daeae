// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of driver/engine.h, rule by rule, on a device.  Each test begins with a new
 * engine, and needs nothing of the tests before it.
 */
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "contract.h"

/* Bytes that differ from place to place, and from seed to seed. */
static u8 contract_byte(unsigned int seed, unsigned int i)
{
	return seed * 89 + i * 7 + (i >> 8) * 13 + 1;
}

static void contract_fill(u8 *bytes, unsigned int seed, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		bytes[i] = contract_byte(seed, i);
}

/* Where @bytes are not those of @seed, or @len. */
static unsigned int contract_differs(const u8 *bytes, unsigned int seed, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (READ_ONCE(bytes[i]) != contract_byte(seed, i))
			break;

	return i;
}

/* A descriptor between byte @at of the memory and the window. */
static struct edudma_descriptor contract_desc(struct contract *c, unsigned int at, u64 offset,
					      unsigned int len, bool from_device)
{
	return (struct edudma_descriptor) {
		.dma_addr = c->dma + at, .offset = offset, .len = len,
		.from_device = from_device,
	};
}

/* The largest descriptor that memory and engine have room for. */
static unsigned int contract_most(const struct contract *c)
{
	u64 most = min_t(u64, c->engine.window_bytes, CONTRACT_BYTES / 2);

	return min_t(u64, most, c->engine.max_descriptor_bytes) ?: 1;
}

/* What a test is about, and what it needs: an engine that has started. */
static struct contract *contract_rule(struct kunit *test, const char *rule)
{
	struct contract *c = test->priv;

	c->rule = rule;
	CONTRACT_ASSERT(test, !c->init_error, "edudma_engine_init() returned %d", c->init_error);
	CONTRACT_ASSERT(test, !c->start_error, "@start returned %d", c->start_error);

	return c;
}

static unsigned int contract_issue(struct contract *c, unsigned int channel,
				   const struct edudma_descriptor *descs,
				   unsigned int count, bool last)
{
	unsigned long flags;
	unsigned int taken;

	spin_lock_irqsave(&c->lock, flags);
	taken = c->engine.ops->issue(&c->engine, channel, descs, count, last);
	spin_unlock_irqrestore(&c->lock, flags);

	return taken;
}

static void contract_kick(struct contract *c, unsigned int channel)
{
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	if (c->engine.ops->kick)
		c->engine.ops->kick(&c->engine, channel);
	spin_unlock_irqrestore(&c->lock, flags);
}

/* As the queue calls it. */
static int contract_reap(struct contract *c, unsigned int channel,
			 struct edudma_descriptor *descs, unsigned int count,
			 unsigned int *moved)
{
	unsigned long flags;
	int ended;

	*moved = 0;
	spin_lock_irqsave(&c->lock, flags);
	ended = c->engine.ops->reap(&c->engine, channel, count ? descs : NULL, count, moved);
	spin_unlock_irqrestore(&c->lock, flags);

	return ended;
}

/* Issues to an idle channel, which takes at least one, and kicks. */
static unsigned int contract_begin(struct kunit *test, unsigned int channel, unsigned int count)
{
	struct contract *c = test->priv;
	unsigned int taken = contract_issue(c, channel, c->descs, count, true);

	CONTRACT_ASSERT(test, taken, "@issue took none of %u descriptors, the channel is idle",
			count);
	CONTRACT_ASSERT(test, taken <= count, "@issue took %u of %u descriptors", taken, count);
	contract_kick(c, channel);

	return taken;
}

/* Takes back what has ended of @left, if that is something. */
static unsigned int contract_take(struct kunit *test, unsigned int channel, unsigned int ended,
				  unsigned int left)
{
	struct contract *c = test->priv;
	unsigned int moved;
	int n = contract_reap(c, channel, c->descs + ended, left, &moved);

	CONTRACT_ASSERT(test, n >= 0, "@reap returned %d, %u descriptors had ended before", n,
			ended);
	CONTRACT_ASSERT(test, n <= (int)left, "@reap took back %d descriptors of %u", n, left);
	CONTRACT_ASSERT(test, moved == (unsigned int)n,
			"@reap took back %d descriptors, says that %u have moved, and none was aborted",
			n, moved);

	return n;
}

/* Takes back @count descriptors, at most @step at a time, waiting for interrupts. */
static void contract_drain(struct kunit *test, unsigned int channel, unsigned int count,
			   unsigned int step)
{
	struct contract *c = test->priv;
	atomic_t *interrupts = &c->interrupts[channel];
	unsigned int ended = 0, seen, n;

	while (ended < count) {
		seen = atomic_read(interrupts);
		n = contract_take(test, channel, ended, min(count - ended, step));
		ended += n;
		CONTRACT_ASSERT(test, n || wait_event_timeout(c->wait,
							      atomic_read(interrupts) != seen,
							      CONTRACT_TIMEOUT),
				"%u of %u descriptors have ended, and no interrupt comes", ended,
				count);
	}
}

/*
 * Has a channel execute the first @count of c->descs as the queue does: in batches, as many
 * as it takes, and the next when there is an interrupt.
 */
static void contract_run(struct kunit *test, unsigned int channel, unsigned int count)
{
	struct contract *c = test->priv;
	atomic_t *interrupts = &c->interrupts[channel];
	unsigned int issued = 0, ended = 0, first = atomic_read(interrupts);
	unsigned int seen, taken, wanted, n;

	while (ended < count) {
		seen = atomic_read(interrupts);
		wanted = min(count - issued, CONTRACT_BATCH);
		taken = wanted ? contract_issue(c, channel, c->descs + issued, wanted, true) : 0;
		CONTRACT_ASSERT(test, taken <= wanted, "@issue took %u of %u descriptors",
				taken, wanted);
		issued += taken;
		CONTRACT_ASSERT(test, issued > ended,
				"@issue took none of %u descriptors, the channel is idle", wanted);
		if (taken)
			contract_kick(c, channel);
		n = contract_take(test, channel, ended, issued - ended);
		ended += n;
		if (n || taken)
			continue;
		CONTRACT_ASSERT(test, wait_event_timeout(c->wait, atomic_read(interrupts) != seen,
							 CONTRACT_TIMEOUT),
				"no interrupt of channel %u, which has descriptors %u to %u",
				channel, ended, issued - 1);
	}
	CONTRACT_ASSERT(test, wait_event_timeout(c->wait, atomic_read(interrupts) != first,
						 CONTRACT_TIMEOUT),
			"channel %u has done all and did not interrupt", channel);
}

/* Sends a pattern to the window and fetches it to where nothing is like it. */
static void contract_round_trip(struct kunit *test, unsigned int channel, unsigned int at,
				u64 offset, unsigned int len)
{
	struct contract *c = test->priv;
	unsigned int half = CONTRACT_BYTES / 2, wrong;
	u8 *fetched = c->memory + half;

	contract_fill(c->memory, len, half);
	contract_fill(fetched, len + 1, half);
	c->descs[0] = contract_desc(c, at, offset, len, false);
	c->descs[1] = contract_desc(c, half, offset, len, true);
	contract_run(test, channel, 2);

	wrong = half - contract_differs(c->memory, len, half);
	CONTRACT_ASSERT(test, !wrong, "memory that the device was to read has changed");
	for (wrong = 0; wrong < len && fetched[wrong] == c->memory[at + wrong]; wrong++)
		;
	CONTRACT_ASSERT(test, wrong == len,
			"byte %u of %u came back from window offset %llu as %#x instead of %#x",
			wrong, len, offset, fetched[wrong], c->memory[at + wrong]);
	while (wrong < half && fetched[wrong] == contract_byte(len + 1, wrong))
		wrong++;
	CONTRACT_ASSERT(test, wrong == half, "%u bytes were fetched, and byte %u was written too",
			len, wrong);
}

static void init_tells_what_the_engine_can_do(struct kunit *test)
{
	struct contract *c = test->priv;
	const struct edudma_engine *engine = &c->engine;
	const struct edudma_engine_ops *ops = engine->ops;

	c->rule = "edudma_engine_init(), @init: identify the device, fill in the limits; step 2";
	CONTRACT_ASSERT(test, !c->init_error, "edudma_engine_init() returned %d", c->init_error);
	CONTRACT_ASSERT(test, ops->name && ops->exit && ops->start && ops->stop && ops->issue &&
			ops->reap && ops->quiesce && ops->restart,
			"one of name, exit, start, stop, issue, reap, quiesce, restart is missing");
	CONTRACT_ASSERT(test, engine->vectors, "vectors is 0");
	CONTRACT_ASSERT(test, engine->channels && engine->channels <= EDUDMA_MAX_CHANNELS,
			"channels is %u", engine->channels);
	CONTRACT_ASSERT(test, engine->streams < engine->channels, "%u channels, %u for streams",
			engine->channels, engine->streams);
	CONTRACT_ASSERT(test, !engine->streams || ops->stream, "there are streams and no @stream");
	CONTRACT_ASSERT(test, engine->window_bytes, "window_bytes is 0");
	CONTRACT_ASSERT(test, engine->max_descriptor_bytes, "max_descriptor_bytes is 0");
	CONTRACT_ASSERT(test, engine->max_job_pages, "max_job_pages is 0");
	CONTRACT_ASSERT(test, engine->address_bits >= 24 && engine->address_bits <= 64,
			"address_bits is %u", engine->address_bits);
	CONTRACT_ASSERT(test, engine->memory_bar < 0 ||
			(engine->memory_bar < PCI_STD_NUM_BARS &&
			 pci_resource_len(engine->pdev, engine->memory_bar) >=
			 engine->window_bytes),
			"BAR %d is smaller than the window of %llu bytes", engine->memory_bar,
			engine->window_bytes);
}

static void start_has_each_channel_interrupt(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@start: install the handler, enable the interrupt, have the device raise one, wait for it, count it in edudma_engine.stats; step 3");
	u64 counted = atomic64_read(&c->stats.interrupts);

	CONTRACT_ASSERT(test, counted >= c->engine.channels,
			"%llu interrupts were counted for %u channels", counted,
			c->engine.channels);
}

static void issue_takes_descriptors_in_order(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@issue: give the device as many of the descriptors as it has room for, the first ones first, and return how many; step 4");
	unsigned int len = min(contract_most(c) / 2, 512U), got;

	contract_fill(c->memory, 1, len);
	contract_fill(c->memory + 512, 2, len);
	/* Who is later wins; and what was fetched can be sent. */
	c->descs[0] = contract_desc(c, 0, 0, len, false);
	c->descs[1] = contract_desc(c, 512, 0, len, false);
	c->descs[2] = contract_desc(c, 1024, 0, len, true);
	c->descs[3] = contract_desc(c, 1024, len, len, false);
	c->descs[4] = contract_desc(c, 1536, len, len, true);
	contract_run(test, 0, 5);

	got = contract_differs(c->memory + 1024, 2, len);
	CONTRACT_ASSERT(test, got == len, "of two descriptors to one place the first has won");
	got = contract_differs(c->memory + 1536, 2, len);
	CONTRACT_ASSERT(test, got == len, "memory was sent before it was fetched");
}

static void kick_starts_what_was_issued(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@kick: have the device begin with everything that was issued since the last one, which may be in several parts; not needed if @issue begins; step 4");
	unsigned int issued = 0, i, taken;

	for (i = 0; i < 3; i++) {
		c->descs[i] = contract_desc(c, 0, 0, 1, true);
		if (issued < i)
			continue;
		taken = contract_issue(c, 0, c->descs + i, 1, i == 2);
		CONTRACT_ASSERT(test, taken <= 1, "@issue took %u of 1 descriptor", taken);
		issued += taken;
	}
	CONTRACT_ASSERT(test, issued, "@issue took nothing, the channel is idle");
	contract_kick(c, 0);
	contract_drain(test, 0, issued, issued);
}

static void descriptors_are_of_any_size_and_place(struct kunit *test)
{
	static const unsigned int lens[] = { 1, 2, 3, 5, 8, 63, 64, 65, 511 };
	struct contract *c = contract_rule(test, "struct edudma_descriptor: any length up to max_descriptor_bytes, any address within address_bits, any offset within window_bytes; what the device cannot do, the limits must not promise; step 4");
	u64 window = c->engine.window_bytes;
	unsigned int i, most = contract_most(c);

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		if (lens[i] + 5 <= most)
			contract_round_trip(test, 0, i % 4, i % 3, lens[i]);
	contract_round_trip(test, 0, 0, window - most, most);
	contract_round_trip(test, 0, 1, window - 1, 1);
}

static void reap_takes_each_back_once(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@reap: return how many of the oldest @count descriptors have ended, each once, no more than @count, and how many of them have moved all their bytes; step 5");
	unsigned int i, moved;
	int more;

	for (i = 0; i < 8; i++)
		c->descs[i] = contract_desc(c, i, 0, 1, true);
	/* One by one, as if each were a job. */
	contract_drain(test, 0, contract_begin(test, 0, 8), 1);
	more = contract_reap(c, 0, NULL, 0, &moved);
	CONTRACT_ASSERT(test, !more && !moved, "nothing is issued and @reap returned %d, moved %u",
			more, moved);
}

/* Takes back all, without interrupts; what is taken back must have arrived. */
static void contract_poll(struct kunit *test, unsigned int count, unsigned int len)
{
	struct contract *c = test->priv;
	unsigned long limit = jiffies + CONTRACT_TIMEOUT;
	unsigned int ended = 0, n;

	while (ended < count) {
		for (n = contract_take(test, 0, ended, count - ended); n; n--, ended++) {
			const u8 *bytes = c->memory + (c->descs[ended].dma_addr - c->dma);

			CONTRACT_ASSERT(test, contract_differs(bytes, 3, len) == len,
					"@reap took back descriptor %u of %u, and its bytes have not arrived",
					ended, count);
		}
		CONTRACT_ASSERT(test, time_before(jiffies, limit),
				"%u of %u descriptors have ended", ended, count);
		cond_resched();
	}
}

static void reap_needs_no_interrupt(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@reap: ask the device, or memory that it writes, what has ended: an interrupt may be late, lost or somebody else's, and who polls has none; step 5");
	unsigned int i, taken, len = min(contract_most(c), 256U);

	contract_fill(c->memory, 3, len);
	c->descs[0] = contract_desc(c, 0, 0, len, false);
	contract_poll(test, contract_begin(test, 0, 1), len);

	for (i = 0; i < CONTRACT_BATCH; i++)
		c->descs[i] = contract_desc(c, (i + 1) * len, 0, len, true);
	taken = contract_issue(c, 0, c->descs, CONTRACT_BATCH, false);
	CONTRACT_ASSERT(test, taken && taken <= CONTRACT_BATCH,
			"@issue took %u of %u descriptors, the channel is idle", taken,
			CONTRACT_BATCH);
	contract_kick(c, 0);
	contract_poll(test, taken, len);
}

static void full_channel_interrupts_when_it_is_not(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@issue: a channel that takes less than it is given interrupts when it has room again, whatever @last says; step 4");
	unsigned int issued = 0, taken, moved, i;
	unsigned int seen = atomic_read(&c->interrupts[0]);
	int more;

	for (i = 0; i < CONTRACT_DESCS; i++)
		c->descs[i] = contract_desc(c, i, 0, 1, true);
	do {
		taken = contract_issue(c, 0, c->descs + issued, CONTRACT_BATCH, false);
		CONTRACT_ASSERT(test, taken <= CONTRACT_BATCH, "@issue took %u of %u descriptors",
				taken, CONTRACT_BATCH);
		issued += taken;
		if (taken)
			contract_kick(c, 0);
	} while (taken && issued + CONTRACT_BATCH <= CONTRACT_DESCS);
	CONTRACT_ASSERT(test, issued, "@issue took nothing, the channel is idle");
	CONTRACT_ASSERT(test, !taken, "@issue took %u descriptors of which none was reaped",
			issued);

	CONTRACT_ASSERT(test, wait_event_timeout(c->wait, atomic_read(&c->interrupts[0]) != seen,
						 CONTRACT_TIMEOUT),
			"@issue took %u descriptors and is full, and no interrupt comes", issued);
	contract_drain(test, 0, issued, issued);
	more = contract_reap(c, 0, NULL, 0, &moved);
	CONTRACT_ASSERT(test, !more, "all have ended and @reap returned %d", more);
	contract_round_trip(test, 0, 0, 0, 1);
}

static void interrupts_are_of_their_channel(struct kunit *test)
{
	struct contract *c = contract_rule(test, "edudma_engine_client: tell which channel has interrupted, each time that the last descriptor of a batch has ended; step 5");
	unsigned int channel, other, before[EDUDMA_MAX_CHANNELS];

	for (channel = 0; channel < edudma_request_channels(&c->engine); channel++) {
		for (other = 0; other < c->engine.channels; other++)
			before[other] = atomic_read(&c->interrupts[other]);
		contract_round_trip(test, channel, 0, 0, 1);
		for (other = 0; other < c->engine.channels; other++)
			CONTRACT_ASSERT(test, other == channel ||
					before[other] == atomic_read(&c->interrupts[other]),
					"channel %u has worked and channel %u interrupted",
					channel, other);
	}
	contract_round_trip(test, 0, 0, 0, 1);
}

static void check_of_a_good_channel_is_0(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@check: return 0 as long as the channel can go on; NULL if the device cannot tell; step 6");
	unsigned long flags;
	unsigned int i;
	int ret;

	for (i = 0; i < 8; i++)
		c->descs[i] = contract_desc(c, 0, 0, 1, true);
	contract_begin(test, 0, 8);
	if (!c->engine.ops->check)
		kunit_skip(test, "this engine cannot tell");
	spin_lock_irqsave(&c->lock, flags);
	ret = c->engine.ops->check(&c->engine, 0);
	spin_unlock_irqrestore(&c->lock, flags);
	CONTRACT_ASSERT(test, !ret, "@check returned %d", ret);
}

static void abort_ends_everything(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@abort: have all that was issued end now, and @reap take it back at once; NULL if the device cannot; step 6");
	unsigned int i, issued, moved, ended = 0, most = contract_most(c);
	unsigned long flags;
	bool cut = false;
	int n, ret;

	for (i = 0; i < CONTRACT_BATCH; i++)
		c->descs[i] = contract_desc(c, 0, 0, most, true);
	issued = contract_begin(test, 0, CONTRACT_BATCH);
	if (!c->engine.ops->abort)
		kunit_skip(test, "this engine cannot abort");
	spin_lock_irqsave(&c->lock, flags);
	ret = c->engine.ops->abort(&c->engine, 0);
	spin_unlock_irqrestore(&c->lock, flags);
	CONTRACT_ASSERT(test, !ret, "@abort returned %d", ret);

	while (ended < issued) {
		n = contract_reap(c, 0, c->descs + ended, issued - ended, &moved);
		CONTRACT_ASSERT(test, n > 0, "%u of %u descriptors came back, then @reap returned %d",
				ended, issued, n);
		CONTRACT_ASSERT(test, moved <= (unsigned int)n && (!cut || !moved),
				"%u of %d descriptors have moved behind one that has not",
				moved, n);
		cut |= moved < (unsigned int)n;
		ended += n;
	}
	CONTRACT_ASSERT(test, ended == issued, "%u of %u descriptors came back", ended, issued);
	contract_round_trip(test, 0, 0, 0, 1);
}

/* What was under way before a stop must not be written after it. */
static void contract_look_for_dma(struct kunit *test, const char *what)
{
	struct contract *c = test->priv;
	unsigned int wrong;

	contract_fill(c->memory, 5, CONTRACT_BYTES);
	msleep(CONTRACT_LOOK_MS);
	wrong = contract_differs(c->memory, 5, CONTRACT_BYTES);
	CONTRACT_ASSERT(test, wrong == CONTRACT_BYTES, "the device wrote to byte %u of memory after %s",
			wrong, what);
}

static void contract_begin_much(struct kunit *test)
{
	struct contract *c = test->priv;
	unsigned int i, most = contract_most(c);

	for (i = 0; i < CONTRACT_BATCH; i++)
		c->descs[i] = contract_desc(c, i % 2 * most, 0, most, true);
	contract_begin(test, 0, CONTRACT_BATCH);
}

static void quiesce_ends_dma(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@quiesce: return 0 when the channel does no more DMA, whatever it had; -EIO if that cannot be had; what it had is forgotten; step 6");
	unsigned int moved;
	int ret;

	ret = c->engine.ops->quiesce(&c->engine, 0);
	CONTRACT_ASSERT(test, !ret, "@quiesce of an idle channel returned %d", ret);
	c->engine.ops->restart(&c->engine, 0);

	contract_begin_much(test);
	ret = c->engine.ops->quiesce(&c->engine, 0);
	CONTRACT_ASSERT(test, !ret, "@quiesce of a channel at work returned %d", ret);
	contract_look_for_dma(test, "@quiesce");
	ret = contract_reap(c, 0, NULL, 0, &moved);
	CONTRACT_ASSERT(test, !ret && !moved, "@reap returned %d after @quiesce", ret);
}

static void restart_makes_a_channel_usable(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@restart: after @quiesce the channel works again, and nothing that it had comes back; bus mastering is on if @quiesce has switched it off; step 6");
	const struct edudma_engine_ops *ops = c->engine.ops;
	int ret;

	contract_begin_much(test);
	/* Twice: a channel that was paused is quiesced again before it goes on. */
	ret = ops->quiesce(&c->engine, 0) ?: ops->quiesce(&c->engine, 0);
	CONTRACT_ASSERT(test, !ret, "@quiesce returned %d", ret);
	ops->restart(&c->engine, 0);
	contract_look_for_dma(test, "@restart");
	contract_round_trip(test, 0, 0, 0, 1);
}

static void channel_recovers_from_what_the_bus_refused(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@quiesce, @restart: a channel whose accesses to memory have failed works again; step 6");
	const struct edudma_engine_ops *ops = c->engine.ops;
	unsigned long limit = jiffies + msecs_to_jiffies(CONTRACT_LOOK_MS);
	unsigned int moved, issued;
	int ret;

	c->descs[0] = contract_desc(c, 0, 0, 1, true);
	pci_clear_master(c->engine.pdev);
	issued = contract_begin(test, 0, 1);
	do {
		usleep_range(1000, 2000);
		ret = contract_reap(c, 0, c->descs, issued, &moved);
	} while (!ret && time_before(jiffies, limit));
	/* It may not have ended; edu takes it for done. */
	ret = ops->quiesce(&c->engine, 0);
	CONTRACT_ASSERT(test, !ret, "@quiesce returned %d", ret);
	pci_set_master(c->engine.pdev);
	ops->restart(&c->engine, 0);
	contract_look_for_dma(test, "@restart");
	contract_round_trip(test, 0, 0, 0, 1);
}

static void stop_undoes_start(struct kunit *test)
{
	struct contract *c = contract_rule(test, "@stop: after @quiesce of each channel undo @start, so that it can be called again; step 7");
	bool quiet;

	contract_begin_much(test);
	quiet = contract_stop(c);
	c->start_error = contract_start(c);
	CONTRACT_ASSERT(test, quiet, "@quiesce failed before @stop");
	CONTRACT_ASSERT(test, !c->start_error, "@start returned %d after @stop", c->start_error);
	contract_look_for_dma(test, "@stop");
	contract_round_trip(test, 0, 0, 0, 1);
}

static struct kunit_case contract_cases[] = {
	KUNIT_CASE(init_tells_what_the_engine_can_do),
	KUNIT_CASE(start_has_each_channel_interrupt),
	KUNIT_CASE(issue_takes_descriptors_in_order),
	KUNIT_CASE(kick_starts_what_was_issued),
	KUNIT_CASE(descriptors_are_of_any_size_and_place),
	KUNIT_CASE(full_channel_interrupts_when_it_is_not),
	KUNIT_CASE(reap_takes_each_back_once),
	KUNIT_CASE(reap_needs_no_interrupt),
	KUNIT_CASE(interrupts_are_of_their_channel),
	KUNIT_CASE(check_of_a_good_channel_is_0),
	KUNIT_CASE(abort_ends_everything),
	KUNIT_CASE(quiesce_ends_dma),
	KUNIT_CASE(restart_makes_a_channel_usable),
	KUNIT_CASE(channel_recovers_from_what_the_bus_refused),
	KUNIT_CASE(stop_undoes_start),
	{ }
};

struct kunit_suite edudma_contract_suite = {
	.name = "engine",
	.init = contract_init,
	.exit = contract_exit,
	.test_cases = contract_cases,
};
