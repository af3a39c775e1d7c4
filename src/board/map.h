/*
 * map.h - the virt board's addresses and interrupt numbers, those of QEMU's virt.
 */
#ifndef GNOMON_BOARD_MAP_H
#define GNOMON_BOARD_MAP_H

#define MAP_FLASH 0x00000000ull                  /* two banks, one behind the other */
#define MAP_FLASH_SIZE 0x04000000ull             /* of one */
#define MAP_GICD 0x08000000ull
#define MAP_GICD_SIZE 0x10000ull
#define MAP_GICC 0x08010000ull                   /* GICv2 */
#define MAP_GICC_SIZE 0x10000ull
#define MAP_GICR 0x080a0000ull                   /* GICv3 */
#define MAP_GICR_SIZE 0xf60000ull                /* room for 123 CPUs */
#define MAP_UART 0x09000000ull
#define MAP_RTC 0x09010000ull
#define MAP_FW_CFG 0x09020000ull
#define MAP_GPIO 0x09030000ull
#define MAP_UART1 0x09040000ull                  /* only if the user asks for a second serial port */
#define MAP_VIRTIO 0x0a000000ull
#define MAP_VIRTIO_SLOTS 32
#define MAP_VIRTIO_STRIDE 0x200ull

#define MAP_GICV2M 0x08020000ull
#define MAP_PCI_MEM32 0x10000000ull
#define MAP_PCI_MEM32_SIZE 0x2eff0000ull
#define MAP_PCI_PIO 0x3eff0000ull
#define MAP_PCI_PIO_SIZE 0x10000ull
#define MAP_PCI_ECAM 0x4010000000ull
#define MAP_PCI_ECAM_SIZE 0x10000000ull          /* 256 buses */
#define MAP_PCI_ECAM_LOW 0x3f000000ull           /* with highmem=off */
#define MAP_PCI_ECAM_LOW_SIZE 0x1000000ull       /* 16 buses */
#define MAP_PCI_MEM64 0x8000000000ull
#define MAP_PCI_MEM64_SIZE 0x8000000000ull

#define IRQ_PCI 3                                /* four, INTA to INTD */
#define IRQ_MSI 48
#define IRQ_MSI_COUNT 64
#define IRQ_UART 1                               /* SPI numbers */
#define IRQ_RTC 2
#define IRQ_GPIO 7
#define IRQ_UART1 8
#define IRQ_VIRTIO 16

#define GPIO_POWER_KEY 3                          /* line of the GPIO chip */

#define PPI_SECURE_PHYS_TIMER 13                 /* PPI numbers as in a device tree: interrupt number - 16 */
#define PPI_PHYS_TIMER 14
#define PPI_VIRT_TIMER 11
#define PPI_HYP_TIMER 10

#endif
