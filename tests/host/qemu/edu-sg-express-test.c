/*
 * QTest of edu-sg as a PCI Express endpoint: resets, errors, migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include <glib/gstdio.h>
#include "edu-sg-util.h"

#define MACHINE         "-machine q35 -m 128M -nodefaults "
#define PORT            "-device pcie-root-port,id=rp,chassis=1,addr=03.0 "
#define WINDOW          0xe0000000
#define ECAM            0xb0000000
#define PCIEXBAR        0x60
#define PCIEXBAREN      1
#define AER             0x100

/* Registers of the device in configuration space, beyond its 256 bytes too */
static uint64_t ecam(unsigned reg)
{
    return ECAM + (1 << 20) + reg;
}

/* A bridge to bus 1, where all of the window is. */
static QPCIDevice *connect_port(Test *t)
{
    QPCIDevice *host = qpci_device_find(t->bus, QPCI_DEVFN(0, 0));
    QPCIDevice *port = qpci_device_find(t->bus, QPCI_DEVFN(3, 0));

    qpci_config_writel(host, PCIEXBAR, ECAM | PCIEXBAREN);
    g_free(host);
    qpci_config_writel(port, PCI_PRIMARY_BUS, 0x010100);
    qpci_config_writew(port, PCI_MEMORY_BASE, WINDOW >> 16);
    qpci_config_writew(port, PCI_MEMORY_LIMIT, (WINDOW >> 16) + 0xff0);
    qpci_config_writew(port, PCI_PREF_MEMORY_BASE, 0xfff0);
    qpci_config_writew(port, PCI_PREF_MEMORY_LIMIT, 0);
    qpci_device_enable(port);
    return port;
}

static void connect_endpoint(Test *t)
{
    t->dev = qpci_device_find(t->bus, 1 << 8 | QPCI_DEVFN(0, 0));
    g_assert_nonnull(t->dev);
    qpci_device_enable(t->dev);
    t->regs = qpci_iomap(t->dev, 0, NULL);
    t->mem = qpci_iomap(t->dev, 2, NULL);
}

static Test *start_express(const char *options, QPCIDevice **port)
{
    Test *t = g_new0(Test, 1);

    t->q = qtest_initf(MACHINE PORT "-device edu-sg,id=sg,bus=rp%s%s",
                       *options ? "," : "", options);
    t->bus = qpci_new_pc(t->q, NULL);
    *port = connect_port(t);
    connect_endpoint(t);
    return t;
}

static void stop_express(Test *t, QPCIDevice *port)
{
    g_free(port);
    stop(t);
}

static uint8_t express_cap(QPCIDevice *dev)
{
    return qpci_find_capability(dev, PCI_CAP_ID_EXP, 0);
}

static void expect_works(Test *t)
{
    enable_ring(t, 0, RING);
    submit(t, 0, 1);
    step(t, 1000 * MS);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
}

static void test_endpoint(void)
{
    QPCIDevice *port;
    Test *t = start_express("", &port);
    uint8_t cap = express_cap(t->dev);

    g_assert_cmphex(cap, !=, 0);
    g_assert_cmphex(qpci_config_readw(t->dev, cap + PCI_EXP_FLAGS) &
                    PCI_EXP_FLAGS_TYPE, ==, PCI_EXP_TYPE_ENDPOINT << 4);
    g_assert_cmphex(qpci_config_readl(t->dev, cap + PCI_EXP_DEVCAP) &
                    PCI_EXP_DEVCAP_FLR, !=, 0);
    g_assert_cmphex(qtest_readw(t->q, ecam(AER)), ==, PCI_EXT_CAP_ID_ERR);
    expect_works(t);
    stop_express(t, port);
}

/* On a conventional bus, or in the root complex, it is no endpoint. */
static void test_conventional(void)
{
    static const char *const machines[] = { "pc", "q35" };

    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        Test *t = g_new0(Test, 1);

        t->q = qtest_initf("-machine %s -m 128M -nodefaults "
                           "-device edu-sg,id=sg,addr=04.0", machines[i]);
        connect_device(t);
        g_assert_cmphex(express_cap(t->dev), ==, 0);
        expect_works(t);
        stop(t);
    }
}

/* All kinds of work, none of which is done. */
static void start_work(Test *t)
{
    qtest_memset(t->q, DATA, 0x5a, 256 * KiB);
    qtest_memset(t->q, DATA + MiB, 0x77, 16);
    use_msix(t, 2);
    enable_ring(t, 0, RING);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_COUNT), 9);
    wr(t, ch_reg(0, EDU_SG_CH_COAL_TIME), 1000000);
    put(t, 0, DATA, 0, 16, EDU_SG_DESC_EVENT);
    put(t, 0, DATA, 0, 256 * KiB, EDU_SG_DESC_EVENT);
    ring(t, 0);
    wr(t, EDU_SG_FACT_STATUS, EDU_SG_FACT_IRQ_ON);
    legacy(t, EDU_SG_BUF_BASE, DATA + MiB, 16,
           EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE | EDU_SG_CMD_IRQ);
    step(t, 70 * MS);
    expect(t, 0, 0, 0, EDU_SG_DONE, 16);
    wr(t, EDU_SG_FACTORIAL, 5);
}

static void map_again(Test *t)
{
    qpci_config_writel(t->dev, PCI_BASE_ADDRESS_0, t->regs.addr);
    qpci_config_writel(t->dev, PCI_BASE_ADDRESS_2, t->mem.addr);
    qpci_config_writel(t->dev, PCI_BASE_ADDRESS_4,
                       t->dev->msix_table_bar.addr);
    qpci_device_enable(t->dev);
}

/* Nothing of start_work() goes on; the memory is as it was. */
static void expect_reset(Test *t)
{
    uint8_t cap = qpci_find_capability(t->dev, PCI_CAP_ID_MSIX, 0);

    g_assert_cmphex(qpci_config_readw(t->dev, PCI_COMMAND), ==, 0);
    g_assert_cmphex(qpci_config_readw(t->dev, cap + PCI_MSIX_FLAGS) &
                    PCI_MSIX_FLAGS_ENABLE, ==, 0);
    /* bus master again, so that it could go on */
    map_again(t);
    step(t, 5000 * (int64_t)MS);
    g_assert_true(missing(t, 0, 1));
    g_assert_false(message(t, 0));
    g_assert_false(message(t, 1));
    g_assert_cmphex(qtest_readl(t->q, DATA + MiB), ==, 0x77777777);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);
    g_assert_cmphex(rd(t, ch_reg(0, EDU_SG_CH_SIZE)), ==, 0);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    g_assert_cmphex(rd(t, EDU_SG_DMA_CMD), ==, 0);
    g_assert_cmphex(qpci_io_readl(t->dev, t->mem, 64), ==, 0x5a5a5a5a);
    g_assert_cmphex(qpci_io_readl(t->dev, t->mem, 64 * KiB), ==, 0);
    expect_works(t);
}

static void test_flr(void)
{
    QPCIDevice *port;
    Test *t = start_express("bandwidth=1M", &port);
    uint8_t cap = express_cap(t->dev);

    start_work(t);
    qpci_config_writew(t->dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(qpci_config_readw(t->dev, cap + PCI_EXP_DEVCTL) &
                    PCI_EXP_DEVCTL_BCR_FLR, ==, 0);
    expect_reset(t);

    /* a dead device takes none */
    set_dead(t, true);
    qpci_config_writew(t->dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    set_dead(t, false);
    g_assert_cmphex(qpci_config_readw(t->dev, PCI_COMMAND) &
                    PCI_COMMAND_MASTER, !=, 0);
    stop_express(t, port);
}

/* The device resets itself by its own DMA. */
static void test_own_flr(void)
{
    QPCIDevice *port;
    Test *t = start_express("dma_mask=0xffffffffffffffff", &port);
    uint64_t devctl = ecam(express_cap(t->dev) + PCI_EXP_DEVCTL);

    enable_ring(t, 0, RING);
    qpci_io_writel(t->dev, t->mem, 0, PCI_EXP_DEVCTL_BCR_FLR);
    put(t, 0, devctl, 0, 2, EDU_SG_DESC_FROM_DEVICE);
    submit(t, 0, 1);
    step(t, 10);
    g_assert_cmphex(qpci_config_readw(t->dev, PCI_COMMAND), ==, 0);
    g_assert_true(missing(t, 0, 0));
    map_again(t);
    g_assert_cmpuint(state_of(t, 0), ==, EDU_SG_DISABLED);

    /* by the registers of edu */
    qpci_io_writel(t->dev, t->mem, 0, PCI_EXP_DEVCTL_BCR_FLR);
    legacy(t, EDU_SG_BUF_BASE, devctl, 2,
           EDU_SG_CMD_RUN | EDU_SG_CMD_FROM_DEVICE | EDU_SG_CMD_IRQ);
    step(t, 1000 * MS);
    map_again(t);
    g_assert_cmphex(rd(t, EDU_SG_IRQ_STATUS), ==, 0);
    expect_works(t);
    stop_express(t, port);
}

static void test_bus_reset(void)
{
    QPCIDevice *port;
    Test *t = start_express("bandwidth=1M", &port);

    start_work(t);
    qpci_config_writew(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    qpci_config_writew(port, PCI_BRIDGE_CONTROL, 0);
    expect_reset(t);
    stop_express(t, port);
}

static void inject(Test *t, const char *error)
{
    g_autofree char *answer = qtest_hmp(t->q, "pcie_aer_inject_error sg %s",
                                        error);

    g_assert_true(g_str_has_prefix(answer, "OK"));
}

/* Errors of the endpoint reach the root port, as far as they are reported. */
static void test_aer(void)
{
    QPCIDevice *port;
    Test *t = start_express("", &port);
    uint8_t cap = express_cap(t->dev), port_cap = express_cap(port);
    const uint16_t report = PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |
                            PCI_EXP_DEVCTL_FERE;
    uint64_t root = ECAM + (3 << 15);
    uint16_t aer = 0x100;

    while (qtest_readw(t->q, root + aer) != PCI_EXT_CAP_ID_ERR) {
        aer = qtest_readl(t->q, root + aer) >> 20;
        g_assert_cmphex(aer, !=, 0);
    }
    root += aer + PCI_ERR_ROOT_STATUS;

    /* not reported */
    inject(t, "COMP_TIME");
    g_assert_cmphex(qtest_readl(t->q, ecam(AER + PCI_ERR_UNCOR_STATUS)), ==,
                    PCI_ERR_UNC_COMP_TIME);
    g_assert_cmphex(qtest_readl(t->q, root), ==, 0);
    qtest_writel(t->q, ecam(AER + PCI_ERR_UNCOR_STATUS), UINT32_MAX);
    g_assert_cmphex(qtest_readl(t->q, ecam(AER + PCI_ERR_UNCOR_STATUS)), ==,
                    0);

    qpci_config_writew(t->dev, cap + PCI_EXP_DEVCTL, report);
    qpci_config_writew(t->dev, PCI_COMMAND, PCI_COMMAND_MEMORY |
                       PCI_COMMAND_MASTER | PCI_COMMAND_SERR);
    qpci_config_writew(port, port_cap + PCI_EXP_DEVCTL, report);
    qpci_config_writew(port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_SERR);
    qpci_config_writew(port, PCI_COMMAND, PCI_COMMAND_MEMORY |
                       PCI_COMMAND_MASTER | PCI_COMMAND_SERR);

    inject(t, "COMP_TIME");
    g_assert_cmphex(qtest_readl(t->q, root), ==,
                    PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_NONFATAL_RCV);
    /* who it was */
    g_assert_cmphex(qtest_readw(t->q, root + 6), ==, 1 << 8);
    g_assert_cmphex(qpci_config_readw(t->dev, cap + PCI_EXP_DEVSTA) &
                    PCI_EXP_DEVSTA_NFED, !=, 0);
    qtest_writel(t->q, root, UINT32_MAX);

    /* the guest says what is fatal */
    qtest_writel(t->q, ecam(AER + PCI_ERR_UNCOR_STATUS), UINT32_MAX);
    qtest_writel(t->q, ecam(AER + PCI_ERR_UNCOR_SEVER),
                 PCI_ERR_UNC_COMP_TIME);
    inject(t, "COMP_TIME");
    g_assert_cmphex(qtest_readl(t->q, root) & PCI_ERR_ROOT_FATAL_RCV, !=, 0);

    /* QEMU before 8.1 does not report these to the port. */
    inject(t, "RCVR");
    g_assert_cmphex(qtest_readl(t->q, ecam(AER + PCI_ERR_COR_STATUS)), ==,
                    PCI_ERR_COR_RCVR);

    /* the device goes on */
    expect_works(t);
    stop_express(t, port);
}

static void test_migrate(void)
{
    g_autofree char *path = g_strdup_printf("%s/edu-sg-express-%d",
                                            g_get_tmp_dir(), getpid());
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    QPCIDevice *port;
    Test *t = start_express("latency=1000000", &port), u = { };
    uint8_t cap = express_cap(t->dev);

    qpci_config_writew(t->dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_CERE);
    qtest_writel(t->q, ecam(AER + PCI_ERR_UNCOR_SEVER), PCI_ERR_UNC_COMP_TIME);
    enable_ring(t, 0, RING);
    submit(t, 0, 1);

    u = *t;
    u.q = qtest_initf(MACHINE PORT "-device edu-sg,id=sg,bus=rp,"
                      "latency=1000000 -incoming %s", uri);
    qtest_qmp_assert_success(t->q, "{'execute': 'migrate', "
                             "'arguments': {'uri': %s}}", uri);
    qtest_qmp_eventwait(t->q, "STOP");
    qtest_qmp_eventwait(u.q, "RESUME");
    g_unlink(path);
    u.bus = qpci_new_pc(u.q, NULL);
    u.dev = qpci_device_find(u.bus, 1 << 8 | QPCI_DEVFN(0, 0));
    g_assert_nonnull(u.dev);

    g_assert_cmphex(express_cap(u.dev), ==, cap);
    g_assert_cmphex(qpci_config_readw(u.dev, cap + PCI_EXP_DEVCTL) & 0xf, ==,
                    PCI_EXP_DEVCTL_CERE);
    g_assert_cmphex(qtest_readl(u.q, ecam(AER + PCI_ERR_UNCOR_SEVER)), ==,
                    PCI_ERR_UNC_COMP_TIME);
    step(&u, 2 * MS);
    expect(&u, 0, 0, 0, EDU_SG_DONE, 16);
    qpci_config_writew(u.dev, cap + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(qpci_config_readw(u.dev, PCI_COMMAND), ==, 0);

    g_free(u.dev);
    qpci_free_pc(u.bus);
    qtest_quit(u.q);
    stop_express(t, port);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/edu-sg/express/endpoint", test_endpoint);
    qtest_add_func("/edu-sg/express/conventional", test_conventional);
    qtest_add_func("/edu-sg/express/flr", test_flr);
    qtest_add_func("/edu-sg/express/own-flr", test_own_flr);
    qtest_add_func("/edu-sg/express/bus-reset", test_bus_reset);
    qtest_add_func("/edu-sg/express/aer", test_aer);
    qtest_add_func("/edu-sg/express/migrate", test_migrate);
    return g_test_run();
}
