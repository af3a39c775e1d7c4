/*
 * cli_test.c - the command line as data: what options mean, what is refused, and in which words.
 *
 * Owns nothing. Must not build a machine.
 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static unsigned passed, failed;

static void check(bool ok, const char *what, int line)
{
    if (ok) {
        passed++;
    } else {
        failed++;
        printf("cli_test.c:%d: %s\n", line, what);
    }
}
#define CHECK(x) check(x, #x, __LINE__)

static struct options o;

/* Parse a line split at blanks; returns the error or NULL. */
static const char *parse(const char *line)
{
    static char *argv[64];
    static char text[2048];
    int argc = 0;
    argv[argc++] = "gnomon";
    snprintf(text, sizeof(text), "%s", line);
    /* The strings stay in o: give each line memory of its own. */
    for (char *save, *w = strtok_r(xasprintf("%s", text), " ", &save); w && argc < 63; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    argv[argc] = NULL;
    return options_parse(&o, argc, argv);
}

static bool accepts(const char *line)
{
    const char *e = parse(line);
    if (e)
        printf("%s: %s\n", line, e);
    return !e;
}

static bool refuses(const char *line, const char *error)
{
    const char *e = parse(line);
    if (!e || strcmp(e, error)) {
        printf("%s: got '%s', want '%s'\n", line, e ? e : "(accepted)", error);
        return false;
    }
    return true;
}

static bool eq(const char *a, const char *b)
{
    return a && b && !strcmp(a, b);
}

static void test_defaults(void)
{
    CHECK(accepts(""));
    CHECK(o.ram_size == 128ull << 20 && o.gic_version == 2 && o.smp == 1 && o.model == A64_CORTEX_A57);
    CHECK(o.jit && o.paging == 0 && !o.verify && !o.perf_map && o.windows == 0 && o.max_vmas == 0);
    CHECK(options_serial0(&o) == NULL);
}

static void test_machine(void)
{
    CHECK(accepts("-M virt") && o.gic_version == 2);
    CHECK(accepts("--machine type=virt,gic-version=max,highmem=off,acpi=off") && o.gic_version == 3);
    CHECK(accepts("-machine virt -machine gic-version=3,mte=off") && o.gic_version == 3);
    CHECK(accepts("-M virt-7.2") && accepts("-M virt,accel=kvm:tcg,usb=off,its=off,iommu=none"));
    CHECK(accepts("-M virt,dumpdtb=x.dtb,dtb-randomness=off") && eq(o.dumpdtb, "x.dtb") && !o.dtb_randomness);
    CHECK(refuses("-M virt,gic-version=host", "-M virt,gic-version=host: gic-version=host: want 2, 3 or max"));
    CHECK(refuses("-M pc", "-M pc: unknown machine 'pc' (-machine help lists them)"));
    CHECK(refuses("-M virt-7", "-M virt-7: unknown machine 'virt-7' (-machine help lists them)"));
    CHECK(refuses("-M virt,foo=1", "-M virt,foo=1: the machine has no property 'foo'"));
    CHECK(refuses("-M virt,accel=kvm", "-M virt,accel=kvm: accelerator 'kvm' is not available (gnomon is)"));
}

static void test_cpu(void)
{
    CHECK(accepts("-cpu cortex-a53") && o.model == A64_CORTEX_A53);
    CHECK(accepts("-cpu cortex-a72") && o.model == A64_CORTEX_A72);
    CHECK(accepts("-cpu max,pauth-impdef=on,lpa2=off,sve=off,pauth=off,sve128=on,pauth-impdef=true") && o.model == A64_MAX);
    CHECK(refuses("-cpu host", "-cpu host: unknown CPU model 'host' (-cpu help lists them)"));
    CHECK(refuses("-cpu max,foo=on", "-cpu max,foo=on: the CPU has no property 'foo'"));
    CHECK(refuses("-cpu max,sve=1", "-cpu max,sve=1: sve=1: want on or off"));
    CHECK(refuses("-cpu max,aarch64=off", "-cpu max,aarch64=off: aarch64=off: there is no 32-bit guest yet"));
}

static void test_memory(void)
{
    static const struct { const char *text; uint64_t bytes; } good[] = {
        { "512", 512ull << 20 }, { "1G", 1ull << 30 }, { "4g", 4ull << 30 }, { "1.5G", 3ull << 29 }, { "65536K", 64ull << 20 },
        { "0x100", 256ull << 20 }, { "size=256M,slots=2,maxmem=1G", 256ull << 20 }, { "134217728B", 128ull << 20 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(good); i++) {
        char line[64];
        snprintf(line, sizeof(line), "-m %s", good[i].text);
        CHECK(accepts(line) && o.ram_size == good[i].bytes);
    }
    static const char *const bad[] = { "x", "-1", "12Q", "0", "1e3", "99999999999999999999", "18000000000G", "size=", "1.5B" };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        char line[64];
        snprintf(line, sizeof(line), "-m %s", bad[i]);
        CHECK(parse(line) != NULL);
    }
}

static void test_smp(void)
{
    CHECK(accepts("-smp 1") && accepts("-smp cpus=1") && accepts("-smp 1,sockets=1,cores=1,threads=1,maxcpus=1"));
    CHECK(accepts("-smp 8") && o.smp == 8);
    CHECK(o.clusters == 1 && o.cores == 8 && o.threads == 1);
    CHECK(accepts("-smp sockets=2,cores=2") && o.smp == 4 && o.cores == 2);
    CHECK(accepts("-smp 8,sockets=2,clusters=2,threads=2") && o.clusters == 2 && o.cores == 1 && o.threads == 2);
    CHECK(accepts("-smp 8,sockets=2") && o.cores == 4 && o.clusters == 1 && o.threads == 1);
    CHECK(accepts("-smp 2,sockets=1,cores=2,threads=2") && o.smp == 2);
    CHECK(accepts("-smp cpus=2,maxcpus=4,cores=2") && o.smp == 2);
    CHECK(refuses("-smp 9", "-smp 9: at most 8 CPUs"));
    CHECK(refuses("-smp 4,maxcpus=2", "-smp 4,maxcpus=2: 4 CPUs are more than maxcpus=2"));
    CHECK(refuses("-smp 4,cores=3", "-smp 4,cores=3: the topology has 3 CPUs, maxcpus is 4"));
    CHECK(refuses("-smp 0", "-smp 0: cpus=0: want a number from 1"));
}

static void test_accel(void)
{
    CHECK(accepts("-accel gnomon,jit=off,paging=softtlb,verify=on,windows=7,max-vmas=1000,code-size=64M,perf-map=on"));
    CHECK(!o.jit && o.paging == 2 && o.verify && o.windows == 7 && o.max_vmas == 1000 && o.code_size == 64ull << 20 && o.perf_map);
    CHECK(accepts("-accel tcg,thread=multi") && o.jit && o.paging == 0);
    CHECK(accepts("-accel gnomon,code-size=32") && o.code_size == 32ull << 20);
    CHECK(refuses("-accel kvm", "-accel kvm: accelerator 'kvm' is not available (gnomon is)"));
    CHECK(accepts("-accel gnomon,sync=drop,spt-org=group,spt-windows=4,spt-prefill=100") && o.sync == 2 && o.spt_org == 1 &&
          o.spt_windows == 4 && o.spt_prefill == 100);
    CHECK(accepts("-accel gnomon,sync=tlb,spt-org=shared") && o.sync == 1 && o.spt_org == 2);
    CHECK(refuses("-accel gnomon,sync=x", "-accel gnomon,sync=x: sync=x: want auto, tlb, drop or wp"));
    CHECK(accepts("-accel gnomon,host-isa=v2") && o.host_isa == 1);
    CHECK(refuses("-accel gnomon,host-isa=v4", "-accel gnomon,host-isa=v4: host-isa=v4: want native, v2 or v3"));
    CHECK(refuses("-accel gnomon,spt-org=x", "-accel gnomon,spt-org=x: spt-org=x: want private, group or shared"));
    CHECK(refuses("-accel gnomon,spt-prefill=5000", "-accel gnomon,spt-prefill=5000: spt-prefill=5000: want 0 to 4096"));
    CHECK(refuses("-accel gnomon,paging=x", "-accel gnomon,paging=x: paging=x: want auto, shadow or softtlb"));
    CHECK(refuses("-accel gnomon,jit=x", "-accel gnomon,jit=x: jit=x: want on or off"));
    CHECK(refuses("-accel gnomon,code-size=1M", "-accel gnomon,code-size=1M: code-size=1M: want 4M to 2047M"));
    CHECK(refuses("-accel gnomon,foo=1", "-accel gnomon,foo=1: the accelerator has no property 'foo'"));
}

static void test_serial(void)
{
    CHECK(accepts("-nographic") && eq(options_serial0(&o), "mon:stdio"));
    CHECK(accepts("-nographic -monitor none") && eq(options_serial0(&o), "stdio"));
    CHECK(accepts("-nographic -nodefaults") && options_serial0(&o) == NULL);
    CHECK(accepts("-nodefaults -nographic -serial stdio") && eq(options_serial0(&o), "stdio"));
    CHECK(accepts("-nographic -serial none") && options_serial0(&o) == NULL);
    CHECK(accepts("-display none -serial mon:stdio -serial null") && eq(options_serial0(&o), "mon:stdio") && o.n_serial == 2);
    CHECK(accepts("-chardev stdio,id=console,signal=off,mux=on -serial chardev:console -mon chardev=console -vga none"));
    CHECK(eq(options_serial0(&o), "chardev:console") && o.chardev[0].mux && !o.chardev[0].signals && o.monitor_given);
    CHECK(refuses("-serial chardev:x", "-serial chardev:x: chardev 'x' is not defined"));
    CHECK(accepts("-monitor unix:x,server=on,wait=off -qmp tcp:localhost:4444,server,nowait") && o.n_monitor == 2);
    CHECK(eq(o.monitor[0].where, "unix:x,server=on,wait=off") && !o.monitor[0].qmp && o.monitor[1].qmp && !o.monitor[1].pretty);
    CHECK(accepts("-monitor none") && o.monitor_given && o.n_monitor == 0);
    CHECK(accepts("-chardev stdio,id=c,mux=on -mon c -mon chardev=c,mode=control,pretty=on -qmp-pretty stdio") && o.n_monitor == 3);
    CHECK(eq(o.monitor[0].where, "chardev:c") && o.monitor[1].qmp && o.monitor[1].pretty && o.monitor[2].pretty);
    CHECK(refuses("-mon chardev=c", "a monitor's chardev 'c' is not defined"));
    CHECK(refuses("-mon chardev=c,mode=x", "-mon chardev=c,mode=x: mode=x: want readline or control"));
    CHECK(accepts("-nographic -serial file:x") && eq(options_default_monitor(&o), "stdio"));
    CHECK(accepts("-nographic") && !options_default_monitor(&o));
    CHECK(accepts("-chardev socket,id=s,path=/x,reconnect=2") && eq(o.chardev[0].reconnect, "2"));
    CHECK(refuses("-chardev socket,id=s,path=/x,server,reconnect=2",
                  "-chardev socket,id=s,path=/x,server,reconnect=2: reconnect=2: want seconds, for a client"));
    CHECK(refuses("-chardev file,id=a", "-chardev file,id=a: path=PATH is missing"));
    CHECK(refuses("-chardev null,id=a -chardev null,id=a", "-chardev null,id=a: id 'a' is taken"));
    CHECK(accepts("-chardev socket,id=s,path=/x,server=on,wait=off,logfile=l -serial chardev:s") && o.chardev[0].server);
    CHECK(!o.chardev[0].wait && eq(o.chardev[0].logfile, "l") && eq(o.chardev[0].path, "/x"));
    CHECK(accepts("-chardev socket,id=s,host=localhost,port=1,server,nowait") && o.chardev[0].server && !o.chardev[0].wait);
    CHECK(accepts("-chardev pty,id=p -chardev pipe,id=q,path=/x") && o.n_chardev == 2);
    CHECK(refuses("-chardev socket,id=s", "-chardev socket,id=s: want path=PATH, or host=HOST,port=PORT"));
    CHECK(refuses("-chardev null,id=s,path=x", "-chardev null,id=s,path=x: null has no property 'path'"));
    CHECK(refuses("-chardev vc,id=s", "-chardev vc,id=s: no character device 'vc' (-chardev help lists them)"));
    CHECK(refuses("-display gtk", "-display gtk: there is no display: only 'none'"));
}

static void test_devices(void)
{
    CHECK(accepts("-object rng-random,id=r,filename=/dev/urandom -device virtio-rng-device,rng=r") && o.n_dev == 1);
    CHECK(o.dev[0].kind == OPT_DEV_RNG && o.dev[0].slot == -1);
    CHECK(accepts("-chardev file,path=/dev/null,id=log -device virtio-serial-device -device virtconsole,chardev=log"));
    CHECK(o.n_dev == 1 && o.dev[0].kind == OPT_DEV_CONSOLE && o.dev[0].n_port == 1 && eq(o.dev[0].port[0].chardev, "log"));
    CHECK(accepts("-device virtio-rng-device,bus=virtio-mmio-bus.3") && o.dev[0].slot == 3);
    CHECK(refuses("-device virtconsole",
                  "-device virtconsole: no virtio-serial device with a free port for it"));
    CHECK(refuses("-device virtio-rng-device,rng=x", "-device virtio-rng: rng=x: there is no such object"));
    CHECK(refuses("-device e1000", "-device e1000: no device 'e1000' yet (-device help lists them)"));
    CHECK(refuses("-device virtio-serial-device -device virtconsole,chardev=q",
                  "-device virtconsole: chardev 'q' is not defined"));
    CHECK(parse("-device virtio-rng-device,bus=virtio-mmio-bus.32") != NULL);
}

static void test_disks(void)
{
    CHECK(accepts("-drive file=a,format=qcow2,cache=none,discard=unmap,detect-zeroes=unmap,aio=threads,index=1,serial=S"));
    const struct block_options *b = &o.drive[0].b;
    CHECK(o.n_dev == 1 && o.dev[0].pci && eq(o.dev[0].drive, o.drive[0].id) && o.drive[0].index == 1 && eq(o.drive[0].serial, "S"));
    CHECK(b->direct && !b->no_flush && !b->writethrough && b->discard && b->detect == BLOCK_DETECT_UNMAP && b->threads);
    CHECK(accepts("-drive file=a,cache=directsync -hda b -hdd c -cdrom d e") && o.n_drive == 5 && o.n_dev == 5);
    CHECK(b->direct && b->writethrough && o.drive[3].b.readonly && !o.drive[4].b.readonly);
    CHECK(accepts("-drive if=none,id=d,file.driver=file,file.filename=a,,b,cache.writeback=off,werror=stop,media=cdrom"));
    CHECK(o.n_dev == 0 && eq(b->path, "a,b") && b->writethrough && b->readonly);
    CHECK(accepts("-blockdev driver=file,node-name=f,filename=x,discard=unmap -blockdev qcow2,node-name=q,file=f,lazy-refcounts=on "
                  "-object iothread,id=t -device virtio-blk-device,drive=q,iothread=t,num-queues=2,logical_block_size=4096,serial=Z"));
    CHECK(o.n_drive == 2 && eq(o.drive[1].b.path, "x") && eq(o.drive[1].b.format, "qcow2") && o.drive[1].b.discard);
    CHECK(o.drive[1].b.lazy_refcounts == 1 && o.dev[0].blk.num_queues == 2 && o.dev[0].blk.logical == 4096 && !o.dev[0].pci);
    CHECK(accepts("-blockdev {\"driver\":\"qcow2\",\"node-name\":\"n\",\"backing\":null,\"read-only\":true,"
                  "\"file\":{\"driver\":\"file\",\"filename\":\"y\",\"cache\":{\"direct\":true}}}"));
    CHECK(eq(o.drive[0].id, "n") && eq(b->path, "y") && b->readonly && b->direct && b->no_backing);
    static const char *const bad[] = {
        "-drive file=a,foo=1", "-drive file=a,format=vmdk", "-drive file=a,detect-zeroes=unmap", "-drive file=a,cache=x",
        "-drive file=a,media=tape", "-drive file=a,index=0 -drive file=b,index=0", "-drive file=a,if=scsi", "-drive file=a,werror=x",
        "-drive file=a,copy-on-read=on", "-drive file=a,file.foo=1", "-drive file=a,throttling.iops-total=1",
        "-blockdev driver=raw,node-name=n,file=gone", "-blockdev driver=nbd,node-name=n", "-blockdev driver=file,filename=x",
        "-blockdev {", "-blockdev []", "-blockdev driver=raw,node-name=n,filename=x", "-blockdev driver=file,node-name=n,file=x",
        "-drive if=none,id=d,file=a -device virtio-blk-pci,drive=d,iothread=gone", "-device virtio-blk-pci,drive=gone",
        "-drive if=none,id=d,file=a -device virtio-blk-pci,drive=d,logical_block_size=1000",
        "-drive if=none,id=d,file=a -device virtio-blk-pci,drive=d,logical_block_size=4096,physical_block_size=512",
        "-drive if=none,id=d,file=a -device virtio-blk-pci,drive=d,num-queues=0",
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        if (!parse(bad[i])) {
            printf("accepted: %s\n", bad[i]);
            CHECK(false);
        }
}

static void test_shares(void)
{
    CHECK(accepts("-virtfs local,path=/x,mount_tag=t,security_model=mapped,readonly=on,multidevs=remap,fmode=0640,dmode=750"));
    CHECK(o.n_fsdev == 1 && o.n_dev == 1 && o.dev[0].kind == OPT_DEV_9P && o.dev[0].pci && eq(o.dev[0].mount_tag, "t"));
    CHECK(eq(o.dev[0].fsdev, o.fsdev[0].id) && eq(o.fsdev[0].p9.path, "/x") && o.fsdev[0].p9.model == P9_MAPPED_XATTR);
    CHECK(o.fsdev[0].p9.readonly && o.fsdev[0].p9.multidevs == P9_REMAP && o.fsdev[0].p9.fmode == 0640 && o.fsdev[0].p9.dmode == 0750);
    CHECK(accepts("-fsdev local,id=f,path=/x,security_model=none -device virtio-9p-device,fsdev=f,mount_tag=t") && !o.dev[0].pci);
    CHECK(refuses("-virtfs local,path=/x,mount_tag=t", "-virtfs local,path=/x,mount_tag=t: "
                  "security_model=none|mapped-xattr|mapped-file|passthrough is missing"));
    CHECK(refuses("-virtfs proxy,mount_tag=t", "-virtfs proxy,mount_tag=t: no file system driver 'proxy': local"));
    CHECK(parse("-virtfs local,path=/x,security_model=none") && parse("-virtfs local,mount_tag=t,security_model=none"));
    CHECK(parse("-fsdev local,path=/x,security_model=none") && parse("-fsdev local,id=f,path=/x,security_model=weird"));
    CHECK(parse("-fsdev local,id=f,path=/x,security_model=none,fmode=0600") != NULL);
    CHECK(parse("-fsdev local,id=f,path=/x,security_model=mapped,fmode=888") != NULL);
    CHECK(refuses("-device virtio-9p-pci,fsdev=f,mount_tag=t", "-device virtio-9p: fsdev 'f' is not defined"));
}

static void test_ports(void)
{
    CHECK(accepts("-device virtio-serial-pci,id=s,max_ports=3 -device virtserialport,bus=s.0,name=a.b -device virtconsole "
                  "-device virtserialport,nr=2"));
    CHECK(o.n_dev == 1 && o.dev[0].max_ports == 3 && o.dev[0].n_port == 3 && o.dev[0].port[0].nr == 1 && eq(o.dev[0].port[0].name, "a.b"));
    CHECK(o.dev[0].port[1].console && o.dev[0].port[1].nr == 0 && o.dev[0].port[2].nr == 2);
    CHECK(parse("-device virtio-serial-pci,max_ports=1 -device virtserialport") != NULL);
    CHECK(parse("-device virtio-serial-pci -device virtserialport,nr=0") && parse("-device virtio-serial-pci -device virtserialport,nr=31"));
    CHECK(parse("-device virtio-serial-pci -device virtserialport,nr=2 -device virtserialport,nr=2") != NULL);
    CHECK(parse("-device virtio-serial-pci,id=s -device virtserialport,bus=t.0") != NULL);
    CHECK(accepts("-object iothread,id=io -device virtio-balloon,free-page-reporting=on,free-page-hint=on,iothread=io,deflate-on-oom=on"));
    CHECK(o.dev[0].kind == OPT_DEV_BALLOON && o.dev[0].pci && o.dev[0].free_page_reporting && o.dev[0].deflate_on_oom);
    CHECK(refuses("-device virtio-balloon-pci,iothread=x", "-device virtio-balloon: iothread 'x' is not defined"));
    CHECK(accepts("-object rng-builtin,id=r -device virtio-rng-pci,rng=r,max-bytes=1024,period=1000") && o.dev[0].max_bytes == 1024);
}

static void test_general(void)
{
    CHECK(refuses("-foo", "-foo: invalid option"));
    CHECK(refuses("--", "--: invalid option") && refuses("-", "-: invalid option"));
    CHECK(refuses("-m", "-m: requires an argument"));
    CHECK(refuses("-drive if=none", "-drive if=none: file=FILE is missing (a drive without medium is not supported)"));
    CHECK(refuses("-drive file=x,if=ide", "-drive file=x,if=ide: if=ide: this machine has if=virtio, if=pflash, or if=none with a -device"));
    CHECK(accepts("-s -S") && eq(o.gdb, "tcp::1234") && o.start_paused && accepts("-gdb none") && !o.gdb);
    CHECK(accepts("--kernel K -initrd I --append console=ttyAMA0 -no-reboot -name guest=x -pidfile p -stats s -D log -dtb d"));
    CHECK(eq(o.kernel, "K") && eq(o.initrd, "I") && eq(o.append, "console=ttyAMA0") && o.no_reboot && eq(o.pidfile, "p"));
    CHECK(eq(o.stats, "s") && eq(o.log_file, "log") && eq(o.dtb, "d"));
    CHECK(accepts("-action reboot=shutdown,shutdown=pause,panic=none") && o.no_reboot && o.no_shutdown);
    CHECK(accepts("-S -no-shutdown -no-reboot -action reboot=reset") && o.start_paused && o.no_shutdown && !o.no_reboot);
    CHECK(refuses("-action reboot=x", "-action reboot=x: reboot=x: there is no such action"));
    CHECK(accepts("-echr 20") && o.escape == 20);
    CHECK(accepts("-d int,mmu") && log_on(LOG_int) && log_on(LOG_mmu) && !log_on(LOG_exec));
    CHECK(refuses("-d int,foo,exec", "-d int,foo,exec: unknown log item 'foo' (-d help lists them)"));
    static const struct { const char *line; enum opt_info info; } infos[] = {
        { "-version", INFO_VERSION }, { "--version", INFO_VERSION }, { "-h", INFO_HELP }, { "--help", INFO_HELP },
        { "-M help", INFO_MACHINES }, { "-machine ?", INFO_MACHINES }, { "-cpu help", INFO_CPUS }, { "-d help", INFO_LOG },
        { "-accel help", INFO_ACCELS }, { "-device ?", INFO_DEVICES }, { "-chardev ?", INFO_CHARDEVS }, { "-netdev help", INFO_NETDEVS },
    };
    for (unsigned i = 0; i < ARRAY_LEN(infos); i++)
        CHECK(accepts(infos[i].line) && o.info == infos[i].info);
}

static void test_keyvals(void)
{
    struct keyvals k;
    CHECK(!keyvals_parse(&k, "a,b=1,c,d=x,,y,b=2,e=", "first") && k.n == 6);
    CHECK(eq(keyvals_get(&k, "first"), "a") && eq(keyvals_get(&k, "b"), "2") && eq(keyvals_get(&k, "c"), "on"));
    CHECK(eq(keyvals_get(&k, "d"), "x,y") && eq(keyvals_get(&k, "e"), "") && !keyvals_get(&k, "x"));
    CHECK(keyvals_parse(&k, "a,=1", "first") != NULL);
    CHECK(!keyvals_parse(&k, "", "first") && k.n == 0);
    CHECK(!keyvals_parse(&k, "p=a,,,q=b", NULL) && k.n == 2 && eq(keyvals_get(&k, "p"), "a,"));
    char many[256] = "";
    for (unsigned i = 0; i < KEYVAL_MAX + 1; i++)
        strcat(many, "a=1,");
    CHECK(keyvals_parse(&k, many, NULL) != NULL);
}

/* Lines of tools that people use, as far as the machine has what they ask for. */
static void test_tools(void)
{
    CHECK(accepts("-nodefaults -m 1024 -kernel K -append A -no-reboot -nographic -serial stdio -machine virt -cpu max,pauth-impdef=on"));
    CHECK(accepts("-display none -nodefaults -cpu max,lpa2=off,pauth-impdef=true -machine virt,gic-version=max,virtualization=off "
                  "-append A -kernel Image.gz -initrd I -m 1G -serial mon:stdio"));
    CHECK(accepts("-M virt -cpu cortex-a53 -nographic -smp 1 -kernel K -append A -net none"));
    CHECK(accepts("-no-user-config -name n -m 1G -kernel K -initrd I -machine type=virt,gic-version=max -cpu max,pauth-impdef=on "
                  "-object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-device,rng=rng0 -nographic -append A"));
    CHECK(accepts("-nodefaults -machine virt -accel tcg -cpu max -device virtio-serial-device -display none -serial stdio "
                  "-machine gic-version=2 -kernel K -append A"));
}

int main(void)
{
    test_defaults();
    test_machine();
    test_cpu();
    test_memory();
    test_smp();
    test_accel();
    test_serial();
    test_devices();
    test_disks();
    test_shares();
    test_ports();
    test_general();
    test_keyvals();
    test_tools();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
