// The board's fast memory: 64 KB outside of the heap.
#include "py/runtime.h"
static uint32_t memory[65536 / 4];
static mp_obj_t address(void) { return mp_obj_new_int_from_uint((mp_uint_t)memory); }
static MP_DEFINE_CONST_FUN_OBJ_0(address_obj, address);
static const mp_rom_map_elem_t globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_fast_memory) },
    { MP_ROM_QSTR(MP_QSTR_address), MP_ROM_PTR(&address_obj) },
};
static MP_DEFINE_CONST_DICT(globals, globals_table);
const mp_obj_module_t fast_memory_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&globals };
MP_REGISTER_MODULE(MP_QSTR_fast_memory, fast_memory_module);
