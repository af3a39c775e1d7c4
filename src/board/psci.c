/*
 * psci.c - firmware calls: PSCI (Arm DEN 0022) and the SMC calling convention's discovery calls (DEN 0028), by HVC.
 *
 * Owns which CPUs are on. A call comes on the calling vCPU's thread without the machine lock.
 */
#include "board/psci.h"

#include "base/log.h"
#include "base/loop.h"
#include "board/run.h"
#include "board/virt.h"
#include "exec/exec.h"

#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0x84000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON 0x84000003u
#define PSCI_AFFINITY_INFO 0x84000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_FEATURES 0x8400000au
#define PSCI_SYSTEM_RESET2 0x84000012u
#define SMCCC_VERSION 0x80000000u
#define SMCCC_ARCH_FEATURES 0x80000001u
#define SMCCC_ARCH_WORKAROUND_1 0x80008000u
#define SMCCC_ARCH_WORKAROUND_2 0x80007fffu
#define SMCCC_ARCH_WORKAROUND_3 0x80003fffu
#define CALL_64 0x40000000u                      /* SMC64 form of a function */

#define RET_OK 0
#define RET_NOT_SUPPORTED (-1)
#define RET_INVALID_PARAMETERS (-2)
#define RET_ALREADY_ON (-4)

#define WORKAROUND_NOT_NEEDED 1                  /* this CPU is not affected */

struct psci {
    unsigned ncpu;
    struct vcpu *cpu[VIRT_MAX_CPUS];
    bool on[VIRT_MAX_CPUS];
};

#define MPIDR_AFF 0xff00ffffffull

static int find(const struct psci *p, uint64_t mpidr)
{
    for (unsigned i = 0; i < p->ncpu; i++)
        if ((a64(p->cpu[i])->mpidr & MPIDR_AFF) == mpidr)
            return (int)i;
    return -1;
}

/* Switch the calling vCPU off: it does not come back here. */
static NORETURN void off_self(struct psci *p, struct vcpu *c)
{
    p->on[c->index] = false;
    exec_set_power(c, false);
    machine_unlock();
    vcpu_unwind(c);
}

static int64_t cpu_on(struct psci *p, uint64_t target, uint64_t entry, uint64_t context)
{
    int i = find(p, target);
    if (i < 0 || entry & 3)
        return RET_INVALID_PARAMETERS;
    if (p->on[i])
        return RET_ALREADY_ON;
    struct vcpu *c = p->cpu[i];
    /* It may have called CPU_OFF a moment ago and still be on its way to its run loop. */
    exec_wait_off(c);
    a64_guest_ops.reset(c);
    vcpu_set_pc(c, entry);
    c->r[0] = context;
    p->on[i] = true;
    exec_set_power(c, true);
    return RET_OK;
}

static int64_t features(uint32_t fn)
{
    switch (fn & ~CALL_64) {
    case PSCI_VERSION: case PSCI_CPU_OFF: case PSCI_MIGRATE_INFO_TYPE: case PSCI_SYSTEM_OFF: case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES: case SMCCC_VERSION:
        return fn & CALL_64 ? RET_NOT_SUPPORTED : RET_OK;
    case PSCI_CPU_SUSPEND: case PSCI_CPU_ON: case PSCI_AFFINITY_INFO: case PSCI_SYSTEM_RESET2:
        return RET_OK;
    default:
        return RET_NOT_SUPPORTED;
    }
}

static int64_t arch_features(uint32_t fn)
{
    switch (fn) {
    case SMCCC_VERSION:
    case SMCCC_ARCH_FEATURES: return RET_OK;
    case SMCCC_ARCH_WORKAROUND_1:
    case SMCCC_ARCH_WORKAROUND_2:
    case SMCCC_ARCH_WORKAROUND_3: return WORKAROUND_NOT_NEEDED;
    default: return RET_NOT_SUPPORTED;
    }
}

/* Machine lock held; may not return. */
static int64_t dispatch(struct psci *p, struct vcpu *c, uint32_t fn, const uint64_t *a)
{
    switch (fn) {
    case PSCI_VERSION: return 0x10001;
    case PSCI_CPU_OFF: off_self(p, c);
    case PSCI_CPU_ON:
    case PSCI_CPU_ON | CALL_64: return cpu_on(p, a[0], a[1], a[2]);
    case PSCI_AFFINITY_INFO:
    case PSCI_AFFINITY_INFO | CALL_64: {
        int i = find(p, a[0]);
        if (i < 0 || a[1] > 3)
            return RET_INVALID_PARAMETERS;
        return a[1] == 0 && !p->on[i] ? 1 : 0;   /* levels above a CPU are always on */
    }
    case PSCI_MIGRATE_INFO_TYPE: return 2;       /* no trusted OS to migrate */
    case PSCI_SYSTEM_OFF:
        run_request_shutdown(CAUSE_GUEST_SHUTDOWN);
        off_self(p, c);
    case PSCI_SYSTEM_RESET:
    case PSCI_SYSTEM_RESET2:
    case PSCI_SYSTEM_RESET2 | CALL_64:
        if (fn != PSCI_SYSTEM_RESET && (uint32_t)a[0] != 0)
            return RET_INVALID_PARAMETERS;       /* only SYSTEM_WARM_RESET */
        run_request_reset(CAUSE_GUEST_RESET);
        off_self(p, c);
    case PSCI_FEATURES: return features((uint32_t)a[0]);
    case SMCCC_VERSION: return 0x10001;
    case SMCCC_ARCH_FEATURES: return arch_features((uint32_t)a[0]);
    case SMCCC_ARCH_WORKAROUND_1:
    case SMCCC_ARCH_WORKAROUND_2:
    case SMCCC_ARCH_WORKAROUND_3: return RET_OK;
    default:
        log_to(unimp, "firmware call 0x%x is not implemented\n", fn);
        return RET_NOT_SUPPORTED;
    }
}

static bool call(void *opaque, struct vcpu *c, bool smc)
{
    struct psci *p = opaque;
    if (smc)
        return false;                            /* no EL3: SMC is undefined */
    uint32_t fn = (uint32_t)c->r[0];
    uint64_t a[3];
    for (unsigned i = 0; i < 3; i++)
        a[i] = fn & CALL_64 ? c->r[i + 1] : (uint32_t)c->r[i + 1];
    if ((fn & ~CALL_64) == PSCI_CPU_SUSPEND) {
        exec_wait(c);                            /* every state is a standby state: as WFI */
        c->r[0] = RET_OK;
        return true;
    }
    machine_lock();
    int64_t r = dispatch(p, c, fn, a);
    machine_unlock();
    c->r[0] = (uint64_t)r;
    return true;
}

const struct a64_smccc_ops psci_ops = { .call = call };

void psci_reset(struct psci *p)
{
    for (unsigned i = 0; i < p->ncpu; i++) {
        p->on[i] = i == 0;
        exec_set_power(p->cpu[i], i == 0);
    }
}

struct psci *psci_new(struct vcpu *const *cpu, unsigned ncpu)
{
    struct psci *p = xcalloc(1, sizeof *p);
    p->ncpu = ncpu;
    for (unsigned i = 0; i < ncpu; i++)
        p->cpu[i] = cpu[i];
    psci_reset(p);
    return p;
}
