/*
 * cli_lines_test.c - whole command lines: those that tools and manuals give to qemu-system-aarch64, and each option's wrong forms.
 *
 * Owns the table. Must not build a machine. A line stands as it is typed; "" in the second column: taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

/* What anyvm gives every guest; the name of a CPU follows. */
#define ANYVM \
    "-chardev socket,id=serial0,host=127.0.0.1,port=7000,server=on,wait=off,logfile=l -serial chardev:serial0 -name " \
    "vm -smp 2 -m 6144 -netdev " \
    "user,id=net0,net=192.168.122.0/24,dhcpstart=192.168.122.50,ipv6=off,hostfwd=tcp:127.0.0.1:10022-:22 -drive " \
    "file=D,format=qcow2,if=none,id=disk0,discard=unmap,detect-zeroes=unmap -device " \
    "virtio-blk-pci,drive=disk0,bootindex=0 -rtc base=utc,clock=host,driftfix=slew -machine " \
    "virt,accel=tcg,gic-version=3,usb=on -cpu "

static const struct { const char *line, *error; } lines[] = {
    /* kunit */
    { "-nodefaults -m 1024 -kernel K -append A -no-reboot -nographic -serial stdio -machine virt -cpu max,pauth-impdef=on", "" },
    /* tuxlava, with a disk and with an initramfs */
    { "-cpu max,pauth-impdef=on,lpa2=off -machine virt,virtualization=on,gic-version=3,mte=on -smp 2 -m 4G -nographic -net "
      "nic,model=virtio,macaddr=52:54:00:12:34:58 -net user -monitor none -no-reboot -kernel K -append A -drive "
      "file=R,format=raw,id=hd0,if=virtio", "" },
    { "-cpu max,pauth-impdef=on -machine virt,virtualization=on,gic-version=3,mte=on -smp 2 -m 4G -nographic -nic none -monitor none "
      "-no-reboot -kernel K -append A -initrd I", "" },
    /* boot-utils */
    { "-display none -nodefaults -cpu max,lpa2=off,pauth-impdef=true -machine virt,gic-version=max,virtualization=true -append A "
      "-kernel Image.gz -initrd I -m 1G -smp 2 -serial mon:stdio", "" },
    { "-display none -nodefaults -cpu cortex-a72 -machine virt,gic-version=max,virtualization=true -append A -kernel Image.gz -initrd I "
      "-m 1G -serial mon:stdio", "" },
    /* debvm */
    { "-no-user-config -name n -m 1G -kernel /proc/self/fd/3 -initrd /proc/self/fd/4 -machine type=virt,gic-version=max -cpu "
      "max,pauth-impdef=on -smp 2 -device virtio-blk-pci,drive=root,serial=root -drive "
      "id=root,if=none,media=disk,format=raw,discard=unmap,file=F,cache=unsafe -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0 -object iothread,id=io0 -device virtio-balloon-pci,free-page-hint=on,free-page-reporting=on,iothread=io0 -nographic -append A -netdev user,id=net0 -device virtio-net-pci,netdev=net0", "" },
    { "-no-user-config -machine type=virt,highmem=off,gic-version=2 -cpu max -nographic -kernel K", "" },
    /* Buildroot, OpenWrt */
    { "-M virt -cpu cortex-a53 -nographic -smp 1 -kernel K -append A -netdev user,id=eth0 -device virtio-net-device,netdev=eth0 -drive "
      "file=F,if=none,format=raw,id=hd0 -device virtio-blk-device,drive=hd0", "" },
    { "-machine virt -cpu cortex-a57 -nographic -kernel K -drive file=F,format=raw,if=virtio -append A", "" },
    { "-machine virt -nographic -kernel K -netdev bridge,id=n,br=br0", "-netdev bridge,id=n,br=br0: no network of type 'bridge' yet: user" },
    /* vmtest, autopkgtest */
    { "-nodefaults -display none -serial mon:stdio -cpu max -machine virt,gic-version=3 -qmp unix:/tmp/q,server=on,wait=off -device "
      "virtio-serial -chardev socket,path=/tmp/a,server=on,wait=off,id=qga0 -device "
      "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0 -chardev socket,path=/tmp/b,server=on,wait=off,id=cmdout -device "
      "virtserialport,chardev=cmdout,name=org.qemu.virtio_serial.0 -virtfs "
      "local,id=root,path=/,mount_tag=/dev/root,security_model=none,multidevs=remap -kernel K -no-reboot -append A -smp 2 -m 4G", "" },
    { "-machine virt -cpu cortex-a53 -m 1024 -smp 1 -nographic -device virtio-net-pci,netdev=net0 -netdev "
      "user,id=net0,hostfwd=tcp:127.0.0.1:10022-:22 -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -monitor unix:/tmp/m,server=on,wait=off -virtfs "
      "local,id=autopkgtest,path=/tmp,security_model=none,mount_tag=autopkgtest -device virtio-serial -chardev "
      "socket,path=/tmp/h0,server=on,wait=off,id=hvc0 -device virtconsole,chardev=hvc0 -chardev "
      "socket,path=/tmp/h1,server=on,wait=off,id=hvc1 -device virtconsole,chardev=hvc1 -serial unix:/tmp/t,server=on,wait=off -drive "
      "index=0,file=/tmp/o.qcow2,cache=unsafe,if=virtio,discard=unmap", "" },
    /* syzkaller */
    { "-m 2048 -smp 2 -chardev socket,id=SOCKSYZ,server=on,wait=off,host=localhost,port=4567 -mon chardev=SOCKSYZ,mode=control -display "
      "none -serial stdio -no-reboot -name VM-0 -device virtio-rng-pci -machine virt,virtualization=on,gic-version=max -cpu "
      "max,sve128=on,pauth=off -accel tcg,thread=multi -device virtio-net-pci,netdev=net0 -netdev "
      "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:10022-:22 -hda F -snapshot -kernel K -append A", "" },
    /* mkosi, virtme-ng: memory backends */
    { "-machine type=virt,memory-backend=mem -object memory-backend-memfd,id=mem,size=1G,share=on -smp 2 -m 1G -nographic", "" },
    { "-machine virt -m 1G -numa node,memdev=mem -object memory-backend-memfd,id=mem,size=1G,share=on", "" },
    { "-machine virt,memory-backend=mem -object memory-backend-ram,id=mem,size=2G", "" },
    { "-machine virt,memory-backend=mem -object memory-backend-ram,id=mem,size=2G -m 1G",
      "the machine's memory (-m) and its backend 'mem' have different sizes" },
    { "-machine virt,memory-backend=mem", "memory backend 'mem' is not defined" },
    { "-object memory-backend-file,id=m,size=1G,mem-path=/x",
      "-object memory-backend-file,id=m,size=1G,mem-path=/x: guest memory in a file is shared: say share=on" },
    { "-object memory-backend-file,id=m,size=1G", "-object memory-backend-file,id=m,size=1G: mem-path=PATH is missing" },
    { "-object memory-backend-ram,id=m", "-object memory-backend-ram,id=m: size=SIZE is missing" },
    { "-object memory-backend-ram,id=m,size=1x", "-object memory-backend-ram,id=m,size=1x: size=1x: not a size" },
    { "-object memory-backend-memfd,id=m,size=1G,hugetlb=on", "-object memory-backend-memfd,id=m,size=1G,hugetlb=on: hugetlb=on: only off" },
    { "-object tls-creds-x509,id=t", "-object tls-creds-x509,id=t: no object 'tls-creds-x509' yet (-object help lists them)" },
    { "-numa node -numa node", "-numa node: this machine has one node" },
    { "-numa dist,src=0", "-numa dist,src=0: only 'node' is available" },
    /* libguestfs, Lima */
    { "-global virtio-blk-pci.scsi=off -no-user-config -nodefaults -display none -machine virt,accel=tcg -cpu max -m 1280 -no-reboot -rtc "
      "driftfix=slew -kernel K -initrd I -device virtio-rng-pci -serial stdio -append A", "" },
    { "-m 2G -cpu max -machine virt,accel=tcg -smp 4,sockets=1,cores=4,threads=1 -drive file=F,if=virtio,discard=on -netdev "
      "user,id=net0,net=192.168.5.0/24,dhcpstart=192.168.5.15,hostfwd=tcp:127.0.0.1:60022-:22 -device "
      "virtio-net-pci,netdev=net0,mac=52:55:55:11:22:33 -device virtio-rng-pci -parallel none -chardev "
      "socket,id=char-serial,path=/tmp/s,server=on,wait=off,logfile=/tmp/l -serial chardev:char-serial -chardev "
      "socket,id=char-qmp,path=/tmp/q,server=on,wait=off -qmp chardev:char-qmp -name lima -pidfile /tmp/p", "" },
    /* Zephyr, anyvm */
    { "-cpu cortex-a53 -machine virt,secure=on,gic-version=3 -global virtio-mmio.force-legacy=false -nographic -serial mon:stdio -kernel K "
      "-smp cpus=1", "" },
    { "-rtc base=utc,clock=host,driftfix=slew -uuid 01234567-89ab-cdef-0123-456789ABCDEF -boot order=c,menu=off -k en-us -msg "
      "timestamp=on,guest-name=on -M virt-9.2,acpi=off", "" },

    /* mkosi: what it uses by default is here, what its settings add is named */
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -nographic -nodefaults -chardev "
      "stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console -drive if=pflash,format=raw,readonly=on,file=C -drive "
      "file=V,if=pflash,format=raw -blockdev "
      "driver=raw,node-name=mkosi,discard=unmap,file.driver=file,file.filename=D,file.aio=io_uring,cache.direct=on,cache.no-flush=on "
      "-device virtio-blk-pci,drive=mkosi,bootindex=1 -fw_cfg name=opt/io.systemd.credentials/a,string=b",
      "" },
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -device vhost-vsock-pci,guest-cid=7 -nographic -nodefaults "
      "-chardev stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console",
      "-device vhost-vsock-pci,guest-cid=7: no device 'vhost-vsock-pci' yet (-device help lists them)" },
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -nographic -nodefaults -chardev "
      "stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console -drive if=pflash,format=raw,readonly=on,file=C -drive "
      "file=V,if=pflash,format=raw -device virtio-scsi-pci,id=mkosi -blockdev "
      "driver=raw,node-name=mkosi,discard=unmap,file.driver=file,file.filename=D,file.aio=io_uring,cache.direct=on,cache.no-flush=on "
      "-device scsi-hd,drive=mkosi,bootindex=1",
      "-device virtio-scsi-pci,id=mkosi: no device 'virtio-scsi-pci' yet (-device help lists them)" },
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -nographic -nodefaults -chardev "
      "stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console -blockdev "
      "driver=raw,node-name=mkosi,discard=unmap,file.driver=file,file.filename=D,file.aio=io_uring,cache.direct=on,cache.no-flush=on "
      "-device nvme,serial=mkosi,drive=mkosi,bootindex=1",
      "-device nvme,serial=mkosi,drive=mkosi,bootindex=1: no device 'nvme' yet (-device help lists them)" },
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -nographic -nodefaults -chardev "
      "stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console -chardev socket,id=fs,path=S -device "
      "vhost-user-fs-pci,queue-size=1024,chardev=fs,tag=root",
      "-device vhost-user-fs-pci,queue-size=1024,chardev=fs,tag=root: no device 'vhost-user-fs-pci' yet (-device help lists them)" },
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -nographic -nodefaults -chardev "
      "stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console -smbios type=11,value=io.systemd.credential:a=b",
      "-smbios type=11,value=io.systemd.credential:a=b: not implemented yet" },
    { "-machine type=virt -smp 2 -m 2048M -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0,id=rng-device0 -device virtio-balloon,free-page-reporting=on -no-user-config -nic "
      "user,model=virtio-net-pci -cpu max -accel tcg -nographic -nodefaults -chardev "
      "stdio,mux=on,id=console,signal=off -device virtio-serial-pci,id=mkosi-virtio-serial-pci -device "
      "virtconsole,chardev=console -mon console -tpmdev emulator,id=tpm0,chardev=t -device tpm-tis-device,tpmdev=tpm0",
      "-tpmdev emulator,id=tpm0,chardev=t: not implemented yet" },
    /* runqemu */
    { "-device virtio-net-pci,netdev=net0,mac=52:54:00:12:34:02 -netdev "
      "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22,tftp=/t -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0 -drive id=disk0,file=F,if=none,format=raw -device virtio-blk-pci,drive=disk0 -device "
      "qemu-xhci -device usb-tablet -device usb-kbd -device virtio-gpu-pci -machine virt -cpu cortex-a57 -smp 4 -m "
      "256 -serial mon:stdio -serial null -nographic -kernel K -append A",
      "-device qemu-xhci: no device 'qemu-xhci' yet (-device help lists them)" },
    { "-netdev tap,id=net0,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=net0",
      "-netdev tap,id=net0,ifname=tap0,script=no,downscript=no: no network of type 'tap' yet: user" },
    { "-machine virt -device usb-tablet",
      "-device usb-tablet: no device 'usb-tablet' yet (-device help lists them)" },
    { "-machine virt -device usb-kbd",
      "-device usb-kbd: no device 'usb-kbd' yet (-device help lists them)" },
    { "-machine virt -device virtio-gpu-pci",
      "-device virtio-gpu-pci: no device 'virtio-gpu-pci' yet (-device help lists them)" },
    { "-device virtio-net-pci,netdev=net0,mac=52:54:00:12:34:02 -netdev "
      "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22,tftp=/t -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0 -drive id=disk0,file=F,if=none,format=raw -device virtio-blk-pci,drive=disk0 -machine "
      "virt -cpu cortex-a57 -smp 4 -m 256 -serial tcp:127.0.0.1:5000,nodelay=on -serial tcp:127.0.0.1:5001,nodelay=on "
      "-pidfile p -snapshot -kernel K -append A -qmp unix:q,server,nowait -device virtio-serial-pci -chardev "
      "socket,path=a,server,nowait,id=qga0 -device virtserialport,chardev=qga0,name=org.qemu.guest_agent.0",
      "" },
    /* Lima */
    { "-m 4096 -cpu max -machine virt,accel=tcg -smp 4,sockets=1,cores=4,threads=1 -drive "
      "if=pflash,format=raw,readonly=on,file=C -boot order=c,splash-time=0,menu=on -drive file=D,if=virtio,discard=on "
      "-device qemu-xhci,id=usb-bus",
      "-boot order=c,splash-time=0,menu=on: there is no firmware that knows 'splash-time'" },
    { "-machine virt,acpi=off,accel=tcg -device qemu-xhci,id=usb-bus",
      "-device qemu-xhci,id=usb-bus: no device 'qemu-xhci' yet (-device help lists them)" },
    { "-cdrom C -chardev socket,id=s,path=S,server=on,wait=off,logfile=l -serial chardev:s -device "
      "virtio-serial-pci,id=v,max_ports=1 -chardev socket,id=v,path=V,server=on,wait=off,logfile=m -device "
      "virtconsole,chardev=v,id=c -virtfs local,mount_tag=mount0,path=/,security_model=none",
      "" },
    /* anyvm */
    { ANYVM "max -device qemu-xhci -device virtio-net-pci,netdev=net0",
      "-device qemu-xhci: no device 'qemu-xhci' yet (-device help lists them)" },
    { ANYVM "neoverse-n1",
      "-cpu neoverse-n1: unknown CPU model 'neoverse-n1' (-cpu help lists them)" },
    { ANYVM "cortex-a72 -device virtio-net-pci,netdev=net0 -drive "
      "if=pflash,format=raw,readonly=on,file=C -drive file=V,if=pflash,format=raw -snapshot",
      "" },
    { ANYVM "cortex-a72 -device virtio-gpu-pci",
      "-device virtio-gpu-pci: no device 'virtio-gpu-pci' yet (-device help lists them)" },
    /* libguestfs */
    { "-global virtio-blk-pci.scsi=off -no-user-config -nodefaults -display none -machine virt,accel=tcg -cpu max -m "
      "1280 -no-reboot -rtc driftfix=slew -drive if=pflash,format=raw,readonly=on,file=C -drive "
      "file=V,if=pflash,format=raw -kernel K -initrd I -object rng-random,filename=/dev/urandom,id=rng0 -device "
      "virtio-rng-pci,rng=rng0 -device virtio-scsi-pci,id=scsi -drive "
      "file=D,snapshot=on,cache=unsafe,format=raw,id=hd0,if=none -device scsi-hd,drive=hd0",
      "-device virtio-scsi-pci,id=scsi: no device 'virtio-scsi-pci' yet (-device help lists them)" },
    { "-device scsi-hd,drive=hd0",
      "-device scsi-hd,drive=hd0: no device 'scsi-hd' yet (-device help lists them)" },
    { "-nodefaults -machine virt,accel=tcg -drive file=D,snapshot=on,cache=unsafe,format=raw,id=hd0,if=none -device "
      "virtio-blk-pci,drive=hd0 -device virtio-serial-pci -serial stdio -chardev socket,path=S,id=channel0 -device "
      "virtserialport,chardev=channel0,name=org.libguestfs.channel.0 -netdev user,id=usernet,net=169.254.0.0/16 "
      "-device virtio-net-pci,netdev=usernet -append A -kernel K",
      "" },

    { "-rtc base=2006-06-17T16:01:21", "" },
    { "-rtc base=2006-06-17 -boot c -boot once=d,strict=on", "" },
    { "-rtc base=yesterday", "-rtc base=yesterday: base=yesterday: want utc, localtime or YYYY-MM-DD[THH:MM:SS]" },
    { "-rtc base=2006-13-17", "-rtc base=2006-13-17: base=2006-13-17: want utc, localtime or YYYY-MM-DD[THH:MM:SS]" },
    { "-rtc clock=vm", "-rtc clock=vm: clock=vm: the clock goes with the host's: host or rt" },
    { "-uuid 1234", "-uuid 1234: want xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal" },
    { "-boot order=Z", "-boot order=Z: order=Z: want letters a to p" },
    { "-name guest=g,process=p,debug-threads=on", "" },
    { "-name guest=g,foo=1", "-name guest=g,foo=1: a name has no property 'foo'" },
    { "-global virtio-mmio.force-legacy=true",
      "-global virtio-mmio.force-legacy=true: virtio-mmio has no legacy interface: only force-legacy=false" },
    { "-device virtio-net-pci -global virtio-net-pci.nope=1", "-device virtio-net-pci: -global virtio-net-pci.nope=1: virtio-net-pci has no property 'nope'" },
    { "-device virtio-net-pci -global driver=virtio-net-pci,property=mac,value=52:54:00:00:00:01", "" },
    { "-global foo", "-global foo: want DRIVER.PROPERTY=VALUE" },
    { "-device virtio-rng-pci,rng=r -object rng-random,id=r", "" },
    { "-M none", "-M none: unknown machine 'none' (-machine help lists them)" },
    { "-M virt,highmem=x", "-M virt,highmem=x: highmem=x: want on or off" },
    { "-display gtk", "-display gtk: there is no display: only 'none'" },
    { "-readconfig f", "-readconfig f: not implemented yet" },
    { "-device virtio-net-pci,bootindex=0 -device virtio-net-device,bootindex=-1 -device virtio-net-pci,bootindex=-1", "" },
    { "-device virtio-net-pci,bootindex=2 -device virtio-net-pci,bootindex=2", "-device virtio-net-pci,bootindex=2: bootindex=2: another device has it" },
    { "-device virtio-net-pci,bootindex=x", "-device virtio-net-pci,bootindex=x: bootindex=x: want -1 or a number from 0" },
    { "-device virtio-rng-pci,bootindex=1", "-device virtio-rng-pci,bootindex=1: virtio-rng-pci has no property 'bootindex'" },
    { "-bios f", "" },
    { "-pflash code -pflash vars", "" },
    { "-pflash a -pflash b -pflash c", "-pflash c: if=pflash: the machine has 2 flash banks" },
    { "-drive if=pflash,format=raw,unit=2,file=f", "-drive if=pflash,format=raw,unit=2,file=f: if=pflash: the machine has 2 flash banks" },
    { "-drive if=pflash,unit=1,file=f -drive if=pflash,index=1,file=g",
      "-drive if=pflash,index=1,file=g: if=pflash: there is an image for flash bank 1 already" },
    { "-drive if=pflash,format=raw", "-drive if=pflash,format=raw: file=FILE is missing (a drive without medium is not supported)" },
    { "-drive if=pflash,file=f -bios g", "-bios and an image for the first flash bank: both are its contents" },
    { "-drive if=pflash,unit=1,file=f -bios g", "" },
    { "-M virt,pflash0=a,pflash1=b,acpi=off -blockdev node-name=a,driver=file,filename=f,read-only=on -blockdev node-name=b,driver=file,filename=g",
      "" },
    { "-M virt,pflash1=x", "-machine pflash1=x: there is no such block device" },
    { "-M virt,pflash0=a,pflash1=a -blockdev node-name=a,driver=file,filename=f", "-machine pflash1=a: the other flash bank has this image" },
    { "-drive if=pflash,id=p,file=f -M virt,pflash0=a", "-M virt,pflash0=a: pflash0=a: there is an image for this flash bank already" },
    { "-drive if=pflash,id=p,file=f -device virtio-blk-pci,drive=p", "-device virtio-blk: drive 'p' is a flash bank's image" },
    { "-fw_cfg name=opt/x,string=y -fw_cfg opt/z,file=f", "" },
    { "-fw_cfg name=opt/x", "-fw_cfg name=opt/x: want name=NAME and one of file=FILE and string=TEXT" },
    { "-fw_cfg name=opt/x,string=y,file=z", "-fw_cfg name=opt/x,string=y,file=z: want name=NAME and one of file=FILE and string=TEXT" },
    { "-fw_cfg name=opt/x,gen_id=y", "-fw_cfg name=opt/x,gen_id=y: there is no property 'gen_id'" },
    { "-enable-kvm", "-enable-kvm: not implemented yet" },
    { "-echr 0", "-echr 0: want the number of a control character, 1 (Ctrl-A) to 31" },
    { "-msg foo=on", "-msg foo=on: a message has no property 'foo'" },
    { "-parallel stdio", "-parallel stdio: only 'none' is available yet" },
};

static const char *parse(struct options *o, const char *line)
{
    static char *argv[128];
    int argc = 0;
    argv[argc++] = "gnomon";
    for (char *save, *w = strtok_r(xasprintf("%s", line), " ", &save); w && argc < 127; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    argv[argc] = NULL;
    return options_parse(o, argc, argv);
}

int main(void)
{
    static struct options o;
    unsigned passed = 0, failed = 0;
    if (!freopen("/dev/null", "w", stderr))      /* warnings about what is absent */
        return 1;
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        const char *e = parse(&o, lines[i].line);
        if (strcmp(e ? e : "", lines[i].error)) {
            printf("%s\n    got  '%s'\n    want '%s'\n", lines[i].line, e ? e : "", lines[i].error);
            failed++;
        } else {
            passed++;
        }
    }
    /* What the lines mean. */
    struct { const char *line; bool ok; } means[] = {
        { "memory backend's size", !parse(&o, "-M virt,memory-backend=m -object memory-backend-file,id=m,size=256M,mem-path=/x,share=on,prealloc=on") &&
          o.ram_size == 256ull << 20 && !strcmp(o.ram_path, "/x") && o.ram_prealloc },
        { "global", !parse(&o, "-device virtio-net-pci -global virtio-net-pci.mac=52:54:00:00:00:07") && o.dev[0].mac[5] == 7 },
        { "own property before global", !parse(&o, "-device virtio-net-pci,mac=52:54:00:00:00:08 -global virtio-net-pci.mac=52:54:00:00:00:07") &&
          o.dev[0].mac[5] == 8 },
        { "name", !parse(&o, "-name guest=a,,b,process=c") && !strcmp(o.name, "a,b") && !strcmp(o.process_name, "c") },
        { "highmem", !parse(&o, "-M virt,highmem=off") && o.highmem_off },
        { "rtc", !parse(&o, "-rtc base=1970-01-01") && o.rtc_offset < -1000000000 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(means); i++) {
        if (!means[i].ok)
            printf("failed: %s\n", means[i].line);
        *(means[i].ok ? &passed : &failed) += 1;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
