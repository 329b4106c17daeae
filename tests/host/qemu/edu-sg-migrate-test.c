/*
 * QTest of edu-sg: migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include <glib/gstdio.h>
#include "edu-sg-stream-util.h"

static char *temp_name(const char *what)
{
    return g_strdup_printf("%s/edu-sg-%s-%d", g_get_tmp_dir(), what, getpid());
}

/* Migrate to a new QEMU, whose device has these options. */
static Test *migrate(Test *t, const char *options)
{
    g_autofree char *path = temp_name("socket");
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    g_autofree char *incoming = g_strdup_printf("%s -incoming %s", options,
                                                uri);
    Test *u = g_new0(Test, 1);

    u->q = qtest_initf("-machine pc -m 128M -nodefaults "
                       "-device edu-sg,id=sg,addr=04.0,%s", incoming);
    qtest_qmp_assert_success(t->q, "{'execute': 'migrate', "
                             "'arguments': {'uri': %s}}", uri);
    qtest_qmp_eventwait(t->q, "STOP");
    qtest_qmp_eventwait(u->q, "RESUME");
    g_unlink(path);

    u->bus = qpci_new_pc(u->q, NULL);
    u->dev = qpci_device_find(u->bus, QPCI_DEVFN(4, 0));
    u->regs = t->regs;
    u->mem = t->mem;
    memcpy(u->size, t->size, sizeof(u->size));
    memcpy(u->tail, t->tail, sizeof(u->tail));
    return u;
}

static void test_running(void)
{
    static uint8_t out[256 * KiB], in[256 * KiB];
    Test *t = start("bandwidth=1M"), *u;

    fill(out, sizeof(out), 3);
    qtest_memwrite(t->q, DATA, out, sizeof(out));
    enable_ring(t, 0, RING);
    put(t, 0, DATA, 0, sizeof(out), EDU_SG_DESC_EVENT);
    put(t, 0, DATA, 0, 16, EDU_SG_DESC_EVENT);
    ring(t, 0);
    /* two slices of four */
    step(t, 130 * MS);
    g_assert_true(set_pace(t, "legacy-latency", 5000 * (uint64_t)MS));
    legacy(t, EDU_SG_BUF_BASE, DATA + MiB, 16,
           EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE);

    u = migrate(t, "bandwidth=1M");
    g_assert_cmphex(rd(u, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                    EDU_SG_RUNNING | EDU_SG_STATUS_BUSY);
    g_assert_true(missing(u, 0, 0));
    step(u, 1000 * MS);
    expect(u, 0, 0, 0, EDU_SG_DONE, sizeof(out));
    expect(u, 0, 1, 1, EDU_SG_DONE, 16);
    /* it went on where it was */
    g_assert_cmpuint(counter(u, "counter-bytes-to-device"), ==,
                     sizeof(out) + 16);
    g_assert_cmphex(rd(u, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));
    qpci_memread(u->dev, u->mem, 0, in, sizeof(in));
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));

    /* Due as before, and by a later change as if it had begun here. */
    g_assert_cmpuint(counter(u, "legacy-latency"), ==, 100 * MS);
    g_assert_true(legacy_runs(u));
    g_assert_true(set_pace(u, "legacy-latency", 2000 * (uint64_t)MS));
    step(u, 1130 * MS - 1);
    g_assert_true(legacy_runs(u));
    step(u, 1);
    g_assert_false(legacy_runs(u));
    stop(u);
    stop(t);
}

/* The fault stays behind, so the channel goes on where it was held up. */
static void test_stalled(void)
{
    Test *t = start("channels=2,latency=1000000"), *u;

    for (unsigned ch = 0; ch < 2; ch++) {
        enable_ring(t, ch, RING);
        submit(t, ch, 2);
    }
    step(t, 400 * 1000);
    set_fault(t, "fault-stall", 3);
    step(t, 5 * MS);
    g_assert_true(missing(t, 0, 0));

    u = migrate(t, "channels=2,latency=1000000,fault-stall=2");
    /* 600 microseconds are left */
    step(u, 599 * 1000);
    g_assert_true(missing(u, 0, 0));
    step(u, 1000);
    expect(u, 0, 0, 0, EDU_SG_DONE, 16);
    step(u, MS);
    expect(u, 0, 1, 1, EDU_SG_DONE, 16);

    /* the other one is stalled here, too, and as long as that */
    g_assert_true(missing(u, 1, 0));
    set_fault(u, "fault-stall", 0);
    step(u, 599 * 1000);
    g_assert_true(missing(u, 1, 0));
    step(u, 1000);
    expect(u, 1, 0, 0, EDU_SG_DONE, 16);
    stop(u);
    stop(t);
}

/* What arrives at a dead device finds it dead. */
static void test_dead(void)
{
    Test *t = start("latency=1000000,legacy-latency=1000000"), *u;

    enable_ring(t, 0, RING);
    submit(t, 0, 2);
    qtest_memset(t->q, DATA + MiB, 0x77, 16);
    legacy(t, EDU_SG_BUF_BASE, DATA + MiB, 16,
           EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE);
    u = migrate(t, "latency=1000000,legacy-latency=1000000,fault-dead=on");
    step(u, 100 * MS);
    g_assert_true(missing(u, 0, 0));
    g_assert_cmphex(qtest_readl(u->q, DATA + MiB), ==, 0x77777777);
    set_dead(u, false);
    u->dev = qpci_device_find(u->bus, QPCI_DEVFN(4, 0));
    g_assert_cmpuint(state_of(u, 0), ==, EDU_SG_DISABLED);
    stop(u);
    stop(t);
}

/* The held completion comes with its event. */
static void test_swapped(void)
{
    Test *t = start(""), *u;

    enable_ring(t, 0, RING);
    set_fault(t, "fault-swap", 1);
    submit(t, 0, 1);
    step(t, 10);
    g_assert_true(missing(t, 0, 0));
    u = migrate(t, "channels=1");
    g_assert_cmphex(rd(u, EDU_SG_IRQ_STATUS), ==, 0);
    put(u, 0, DATA, 0, 8, 0);
    ring(u, 0);
    step(u, 10);
    expect(u, 0, 0, 1, EDU_SG_DONE, 8);
    expect(u, 0, 1, 0, EDU_SG_DONE, 16);
    g_assert_cmphex(rd(u, EDU_SG_IRQ_STATUS), ==, EDU_SG_IRQ_CHANNEL(0));
    stop(u);
    stop(t);
}

/*
 * A source that is faster than its channel: some frames are lost, some wait,
 * and of one, half is moved.
 */
static Test *start_frames(void)
{
    Test *t = start("fifo=200,bandwidth=500000,short-frames=7");

    enable_stream(t, 0, EDU_SG_SOURCE | EDU_SG_MODE_HEADER | PATTERN(2), 100,
                  1000 * 1000);
    command(t, 0, EDU_SG_START);
    step(t, MS);
    command(t, 0, EDU_SG_ABORT);
    command(t, 0, EDU_SG_ENABLE);
    for (unsigned i = 0; i < 40; i++) {
        write_piece(t, LIST(i), 0, BUF(i), 50);
        write_piece(t, LIST(i), 1, BUF(i) + 4096, 60);
        put(t, 0, LIST(i), 10, 100, FROM);
    }
    ring(t, 0);
    command(t, 0, EDU_SG_START);
    step(t, 2080 * 1000);
    return t;
}

/* Two devices are at the same place of the same stream. */
static void compare_frames(Test *t, Test *u)
{
    for (unsigned reg = EDU_SG_CH_MODE; reg <= EDU_SG_CH_MISMATCH; reg += 8) {
        g_assert_cmphex(stream_reg(t, 0, reg), ==, stream_reg(u, 0, reg));
    }
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                    rd(u, ch_reg(0, EDU_SG_CH_STATUS)));
    for (unsigned i = 0; i < 40; i++) {
        EduSgStreamCompletion c, d;
        uint8_t a[5000], b[5000];

        got_frame(t, 0, i, &c);
        got_frame(u, 0, i, &d);
        g_assert_cmpmem(&c, sizeof(c), &d, sizeof(d));
        qtest_memread(t->q, BUF(i), a, sizeof(a));
        qtest_memread(u->q, BUF(i), b, sizeof(b));
        g_assert_cmpmem(a, sizeof(a), b, sizeof(b));
    }
}

/* A stream that has migrated is one that has not. */
static void test_stream(void)
{
    Test *t = start_frames(), *u, *other = start_frames();

    u = migrate(t, "fifo=200,bandwidth=500000,short-frames=7");
    /* The clock of qtest does not migrate. */
    step(u, MS + 2080 * 1000);
    g_assert_cmphex(rd(u, ch_reg(0, EDU_SG_CH_STATUS)), ==,
                    EDU_SG_RUNNING | EDU_SG_STATUS_BUSY |
                    EDU_SG_STATUS_STARTED);
    g_assert_cmpuint(stream_reg(u, 0, EDU_SG_CH_LOST), >, 0);
    compare_frames(u, other);
    step(u, 3 * MS);
    step(other, 3 * MS);
    g_assert_false(no_frame(other, 0, 20));
    compare_frames(u, other);
    stop(other);
    stop(u);
    stop(t);
}

/* The held completion of a stream comes with its frame. */
static void test_stream_swapped(void)
{
    Test *t = start(""), *u;
    EduSgStreamCompletion c;

    start_stream(t, 0, EDU_SG_SINK, 100, 0);
    give_buffers(t, 0, 1, 100, 0);
    step(t, 10);
    set_fault(t, "fault-swap", 1);
    give_buffers(t, 0, 1, 100, 0);
    step(t, 10);
    g_assert_true(no_frame(t, 0, 1));
    u = migrate(t, "channels=1");
    step(u, 20);
    give_buffers(u, 0, 1, 100, 0);
    step(u, 10);
    g_assert_true(got_frame(u, 0, 2, &c));
    g_assert_cmpuint(c.index, ==, 1);
    g_assert_cmpuint(c.position, ==, 100);
    g_assert_cmpuint(c.sequence, ==, 1);
    /* What it counted came along: zeros are no numbers from 1 to 37. */
    g_assert_cmpuint(stream_reg(t, 0, EDU_SG_CH_MISMATCHES), ==, 24);
    g_assert_cmpuint(stream_reg(u, 0, EDU_SG_CH_MISMATCHES), ==, 37);
    g_assert_cmpuint(stream_reg(u, 0, EDU_SG_CH_MISMATCH), ==, 8);
    stop(u);
    stop(t);
}

/* An empty disk of 1 MiB, in qcow2: what a snapshot can be kept in. */
static void make_image(const char *path)
{
    enum { CLUSTER = 64 * KiB };
    g_autofree uint8_t *image = g_malloc0(4 * CLUSTER);

    memcpy(image, "QFI\xfb", 4);
    stl_be_p(image + 4, 2);                 /* version */
    stl_be_p(image + 20, 16);               /* bits of a cluster's size */
    stq_be_p(image + 24, 1 * MiB);
    stl_be_p(image + 36, 1);                /* entries of the L1 table */
    stq_be_p(image + 40, 3 * CLUSTER);      /* L1 table */
    stq_be_p(image + 48, 1 * CLUSTER);      /* refcount table */
    stl_be_p(image + 56, 1);                /* its clusters */
    stq_be_p(image + CLUSTER, 2 * CLUSTER); /* refcount block */
    for (int i = 0; i < 4; i++) {
        stw_be_p(image + 2 * CLUSTER + 2 * i, 1);
    }
    g_assert_true(g_file_set_contents(path, (char *)image, 4 * CLUSTER, NULL));
}

/* A snapshot, whose copy of the channels' state can be changed. */
typedef struct Saved {
    char *path;
    FILE *file;
    /* where the records of the channels begin, and how long each is */
    long channels;
    size_t stride;
    char *record;
} Saved;

static void poke(Saved *f, size_t offset, const void *data, size_t len)
{
    g_assert_cmpint(fseek(f->file, f->channels + offset, SEEK_SET), ==, 0);
    g_assert_cmpuint(fwrite(data, 1, len, f->file), ==, len);
    g_assert_cmpint(fflush(f->file), ==, 0);
}

/* The offset of a channel's record: state and error come before the bases. */
static long find_record(const char *data, size_t len, unsigned ch)
{
    uint64_t bases[2] = { cpu_to_be64(SQ(ch)), cpu_to_be64(CQ(ch)) };
    const char *found = memmem(data, len, bases, sizeof(bases));

    g_assert_nonnull(found);
    return found - data - 8;
}

static void save(Test *t, Saved *f)
{
    g_autofree char *answer = qtest_hmp(t->q, "savevm a");
    g_autofree char *data = NULL;
    gsize len;

    g_assert_cmpstr(answer, ==, "");
    qtest_qmp_assert_success(t->q, "{'execute': 'stop'}");
    g_assert_true(g_file_get_contents(f->path, &data, &len, NULL));
    f->channels = find_record(data, len, 0);
    f->stride = find_record(data, len, 1) - f->channels;
    f->record = g_memdup2(data + f->channels, 3 * f->stride);
    f->file = fopen(f->path, "r+");
    g_assert_nonnull(f->file);
}

/* Load what the snapshot has become; false if it is refused. */
static bool load(Test *t)
{
    g_autofree char *answer = qtest_hmp(t->q, "loadvm a");

    return g_str_equal(answer, "");
}

static void go_on(Test *t, int64_t ns)
{
    qtest_qmp_assert_success(t->q, "{'execute': 'cont'}");
    step(t, ns);
    qtest_qmp_assert_success(t->q, "{'execute': 'stop'}");
}

/*
 * Save two channels after @ns of work that takes 4 microseconds, with an
 * interrupt that is due in a second.  The FIFO of a stream is full then.
 */
static Test *start_saved(Saved *f, int64_t ns, bool streams)
{
    g_autofree char *options = NULL;
    Test *t;

    f->path = temp_name("snapshot");
    make_image(f->path);
    options = g_strdup_printf("channels=2,latency=1000,fifo=400 -drive "
                              "if=none,id=d,format=qcow2,file=%s", f->path);
    t = start(options);
    use_msix(t, 3);
    for (unsigned ch = 0; ch < 2; ch++) {
        if (streams) {
            start_stream(t, ch, EDU_SG_SOURCE, 100, 1000 * 1000 * 1000);
        } else {
            enable_ring(t, ch, RING);
        }
        wr(t, ch_reg(ch, EDU_SG_CH_COAL_COUNT), 9);
        wr(t, ch_reg(ch, EDU_SG_CH_COAL_TIME), 1000000);
        if (streams) {
            give_buffers(t, ch, 4, 100, FROM | EVENT);
        } else {
            submit(t, ch, 4);
        }
    }
    step(t, ns);
    save(t, f);
    return t;
}

static void stop_saved(Test *t, Saved *f)
{
    stop(t);
    fclose(f->file);
    g_unlink(f->path);
    g_free(f->path);
    g_free(f->record);
}

/* A stream in which a channel that does not exist has an interrupt to send. */
static void test_absent_channel(void)
{
    static const uint32_t disabled;
    Saved f;
    Test *t = start_saved(&f, 10 * 1000, false);

    poke(&f, 2 * f.stride, f.record, f.stride);
    g_assert_false(load(t));
    /* nor if it is disabled */
    poke(&f, 2 * f.stride, &disabled, sizeof(disabled));
    g_assert_false(load(t));

    poke(&f, 2 * f.stride, f.record + 2 * f.stride, f.stride);
    g_assert_true(load(t));
    stop_saved(t, &f);
}

/* Any four bytes of the channels' state: refused, or harmless. */
static void test_corrupt(void)
{
    unsigned refused = 0;
    Saved f;
    Test *t = start_saved(&f, 2500, false);

    for (size_t i = 0; i + 4 <= 3 * f.stride; i++) {
        poke(&f, i, "\xff\xff\xff\xff", 4);
        if (load(t)) {
            go_on(t, 2000 * MS);
        } else {
            refused++;
        }
        poke(&f, i, f.record + i, 4);
    }
    g_assert_cmpuint(refused, >, 0);

    /* the true one is taken, and works */
    g_assert_true(load(t));
    go_on(t, 2000 * MS);
    expect(t, 0, 3, 3, EDU_SG_DONE, 16);
    g_assert_true(message(t, 1));
    stop_saved(t, &f);
}

/* The same of what a stream has: of its FIFO, the first frames and the last */
static void test_corrupt_stream(void)
{
    static const char name[] = "edu-sg/channel/stream";
    unsigned refused = 0;
    Saved f;
    Test *t = start_saved(&f, 2500, true);
    const char *found = memmem(f.record, f.stride, name, strlen(name));
    size_t first;

    g_assert_nonnull(found);
    first = found - f.record;
    for (size_t i = first; i < f.stride; i++) {
        if (i == first + 250) {
            i = f.stride - 150;
        }
        poke(&f, i, "\xff\xff\xff\xff", 4);
        if (load(t)) {
            go_on(t, 2000 * MS);
        } else {
            refused++;
            /* what it had read does no harm */
            stream_reg(t, 0, EDU_SG_CH_PRODUCED);
        }
        poke(&f, i, f.record + i, 4);
    }
    g_assert_cmpuint(refused, >, 0);

    g_assert_true(load(t));
    go_on(t, 2000 * MS);
    g_assert_false(no_frame(t, 0, 3));
    g_assert_true(message(t, 1));
    stop_saved(t, &f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/edu-sg/migrate/running", test_running);
    qtest_add_func("/edu-sg/migrate/stalled", test_stalled);
    qtest_add_func("/edu-sg/migrate/dead", test_dead);
    qtest_add_func("/edu-sg/migrate/swapped", test_swapped);
    qtest_add_func("/edu-sg/migrate/absent-channel", test_absent_channel);
    qtest_add_func("/edu-sg/migrate/corrupt", test_corrupt);
    qtest_add_func("/edu-sg/migrate/stream", test_stream);
    qtest_add_func("/edu-sg/migrate/stream-swapped", test_stream_swapped);
    qtest_add_func("/edu-sg/migrate/corrupt-stream", test_corrupt_stream);
    return g_test_run();
}
