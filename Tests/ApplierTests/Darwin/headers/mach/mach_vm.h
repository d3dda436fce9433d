// Prototypes of <mach/mach_vm.h>, which the headers of `zig cc` lack while its libSystem has the symbols. To be given with
// -idirafter: a real header comes first. As xnu's osfmk/mach/mach_vm.defs declares them.
#pragma once

#include <mach/mach_types.h>
#include <mach/message.h>

kern_return_t mach_vm_allocate(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t size, int flags);
kern_return_t mach_vm_deallocate(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size);
kern_return_t mach_vm_protect(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size, boolean_t set_maximum,
                              vm_prot_t new_protection);
kern_return_t mach_vm_write(vm_map_t target, mach_vm_address_t address, vm_offset_t data,
                            mach_msg_type_number_t data_count);
kern_return_t mach_vm_read_overwrite(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size,
                                     mach_vm_address_t data, mach_vm_size_t *out_size);
kern_return_t mach_vm_region_recurse(vm_map_t target, mach_vm_address_t *address, mach_vm_size_t *size,
                                     natural_t *nesting_depth, vm_region_recurse_info_t info,
                                     mach_msg_type_number_t *info_count);
kern_return_t mach_vm_machine_attribute(vm_map_t target, mach_vm_address_t address, mach_vm_size_t size,
                                        vm_machine_attribute_t attribute, vm_machine_attribute_val_t *value);
