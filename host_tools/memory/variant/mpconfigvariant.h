// MicroPython's unix port with the memory of its stm32 port: the settings that say what lies in the heap, and how large it
// is, are those of ports/stm32/mpconfigport.h and its boards (single-precision floats, native code in the heap).
#define MICROPY_CONFIG_ROM_LEVEL                   (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#define MICROPY_FLOAT_IMPL                         (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_LONGINT_IMPL                       (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_PERSISTENT_CODE_LOAD               (1)
#define MICROPY_EMIT_INLINE_THUMB                  (1)
#define MICROPY_GC_STACK_ENTRY_TYPE                uint16_t
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF     (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE       (0)
#define MICROPY_OPT_COMPUTED_GOTO                  (1)
#define MICROPY_SCHEDULER_STATIC_NODES             (1)
#define MICROPY_SCHEDULER_DEPTH                    (8)

// What the unix port needs to run at all.
#define MICROPY_DEBUG_PRINTERS                     (1)
#define MICROPY_STREAMS_POSIX_API                  (1)
#define MICROPY_ASYNC_KBD_INTR                     (1)
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC           (mp_random_seed_init())
#define MICROPY_PY_OS_INCLUDEFILE                  "ports/unix/modos.c"
#define MICROPY_PY_OS_ERRNO                        (1)
#define MICROPY_PY_OS_GETENV_PUTENV_UNSETENV       (1)
#define MICROPY_PY_OS_URANDOM                      (1)
#define MICROPY_PY_TIME                            (1)
#define MICROPY_PY_TIME_TIME_TIME_NS               (1)
#define MICROPY_PY_TIME_CUSTOM_SLEEP               (1)
#define MICROPY_PY_TIME_INCLUDEFILE                "ports/unix/modtime.c"
#define MICROPY_PY_SELECT_POSIX_OPTIMISATIONS      (1)
#define MICROPY_PY_SELECT_SELECT                   (0)
#define MICROPY_PY_MACHINE                         (0)
