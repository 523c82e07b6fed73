"""The kernels of dsp/fft.py in Thumb-2: same names, same arguments, same integers.

`data()` lines hold the instructions that MicroPython's assembler lacks; what they are stands beside them and is what
to edit (host_tools/thumb_fill.py). p(x, w) is one instruction, SMULWB or SMULWT (SMLAWB, SMLAWT add to a register). A
sum and a difference take two and no third register: `a = a + b; b = a - 2 b`.

Cost (ARM instructions): 78 for eight points of first8, 20 for four of first4; radix4_pass 48 a butterfly and 22 a bin,
in the last pass of 2048 points 53 a butterfly. 2048 points: 0.125 M, 1024: 0.062 M, 512: 0.027 M. No heap; 870 bytes
of code. There must be something to do: a count of 0 does not end.
"""

import micropython

SLICE = 2048  # butterflies of a call: a pass


@micropython.asm_thumb
def first4(r0, r1, r2):
    """z, first group of four points, the one behind the last."""
    push({r8, r9})
    sub(r2, r2, r1)
    data(2, 0xeb00, 0x1c41)  # add_w(r12, r0, r1, lsl(5))
    mov(lr, r2)
    label(GROUP)
    data(2, 0xe89c, 0x00ff)  # ldmia(r12, {r0, r1, r2, r3, r4, r5, r6, r7})
    add(r0, r0, r2)
    data(2, 0xeba0, 0x0242)  # sub_w(r2, r0, r2, lsl(1))
    add(r1, r1, r3)
    data(2, 0xeba1, 0x0343)  # sub_w(r3, r1, r3, lsl(1))
    add(r4, r4, r6)
    data(2, 0xeba4, 0x0646)  # sub_w(r6, r4, r6, lsl(1))
    add(r5, r5, r7)
    data(2, 0xeba5, 0x0747)  # sub_w(r7, r5, r7, lsl(1))
    add(r0, r0, r4)
    data(2, 0xeba0, 0x0444)  # sub_w(r4, r0, r4, lsl(1))
    add(r1, r1, r5)
    data(2, 0xeba1, 0x0545)  # sub_w(r5, r1, r5, lsl(1))
    data(2, 0xeb03, 0x0806)  # add_w(r8, r3, r6): im of the fourth
    sub(r3, r3, r6)
    sub(r6, r2, r7)
    add(r2, r2, r7)
    data(2, 0xe8ac, 0x017f)  # stmia(r12, {r0, r1, r2, r3, r4, r5, r6, r8}, wb)
    data(2, 0xf1be, 0x0e01)  # subs_w(lr, lr, 1)
    bne(GROUP)
    pop({r8, r9})


@micropython.asm_thumb
def first8(r0, r1, r2):
    """z, first group of eight points, the one behind the last."""
    push({r8, r9, r10, r11})
    sub(r2, r2, r1)
    data(2, 0xeb00, 0x1c81)  # add_w(r12, r0, r1, lsl(6))
    mov(r11, r2)
    movw(r10, 23170)
    label(GROUP)
    # A, back into memory
    data(2, 0xe89c, 0x00ff)  # ldmia(r12, {r0, r1, r2, r3, r4, r5, r6, r7})
    add(r0, r0, r2)
    data(2, 0xeba0, 0x0242)  # sub_w(r2, r0, r2, lsl(1))
    add(r1, r1, r3)
    data(2, 0xeba1, 0x0343)  # sub_w(r3, r1, r3, lsl(1))
    add(r4, r4, r6)
    data(2, 0xeba4, 0x0646)  # sub_w(r6, r4, r6, lsl(1))
    add(r5, r5, r7)
    data(2, 0xeba5, 0x0747)  # sub_w(r7, r5, r7, lsl(1))
    add(r0, r0, r4)
    data(2, 0xeba0, 0x0444)  # sub_w(r4, r0, r4, lsl(1))
    add(r1, r1, r5)
    data(2, 0xeba1, 0x0545)  # sub_w(r5, r1, r5, lsl(1))
    data(2, 0xeb03, 0x0806)  # add_w(r8, r3, r6)
    sub(r3, r3, r6)
    sub(r6, r2, r7)
    add(r2, r2, r7)
    data(2, 0xe8ac, 0x017f)  # stmia(r12, {r0, r1, r2, r3, r4, r5, r6, r8}, wb)
    # B, which stays in r0-r6, r8
    data(2, 0xe89c, 0x00ff)  # ldmia(r12, {r0, r1, r2, r3, r4, r5, r6, r7})
    add(r0, r0, r2)
    data(2, 0xeba0, 0x0242)  # sub_w(r2, r0, r2, lsl(1))
    add(r1, r1, r3)
    data(2, 0xeba1, 0x0343)  # sub_w(r3, r1, r3, lsl(1))
    add(r4, r4, r6)
    data(2, 0xeba4, 0x0646)  # sub_w(r6, r4, r6, lsl(1))
    add(r5, r5, r7)
    data(2, 0xeba5, 0x0747)  # sub_w(r7, r5, r7, lsl(1))
    add(r0, r0, r4)
    data(2, 0xeba0, 0x0444)  # sub_w(r4, r0, r4, lsl(1))
    add(r1, r1, r5)
    data(2, 0xeba1, 0x0545)  # sub_w(r5, r1, r5, lsl(1))
    data(2, 0xeb03, 0x0806)  # add_w(r8, r3, r6)
    sub(r3, r3, r6)
    sub(r6, r2, r7)
    add(r2, r2, r7)
    # k = 0: r7, r9 = A; floor(A / 2) + B' into lr, r7, floor(A / 2) - B' into r0, r1
    data(2, 0xe95c, 0x7908)  # ldrd(r7, r9, [r12, -32])
    asr(r0, r0, 1)
    asr(r1, r1, 1)
    data(2, 0xeb00, 0x0e67)  # add_w(lr, r0, r7, asr(1))
    data(2, 0xebc0, 0x0067)  # rsb_w(r0, r0, r7, asr(1))
    data(2, 0xeb01, 0x0769)  # add_w(r7, r1, r9, asr(1))
    data(2, 0xebc1, 0x0169)  # rsb_w(r1, r1, r9, asr(1))
    data(2, 0xe94c, 0xe708)  # strd(lr, r7, [r12, -32])
    data(2, 0xe9cc, 0x0100)  # strd(r0, r1, [r12])
    # k = 1
    data(2, 0xe95c, 0x7906)  # ldrd(r7, r9, [r12, -24])
    add(r0, r3, r2)
    sub(r1, r3, r2)
    data(2, 0xfb30, 0xf00a)  # smulwb(r0, r0, r10)
    data(2, 0xfb31, 0xf10a)  # smulwb(r1, r1, r10)
    data(2, 0xeb00, 0x0e67)  # add_w(lr, r0, r7, asr(1))
    data(2, 0xebc0, 0x0067)  # rsb_w(r0, r0, r7, asr(1))
    data(2, 0xeb01, 0x0769)  # add_w(r7, r1, r9, asr(1))
    data(2, 0xebc1, 0x0169)  # rsb_w(r1, r1, r9, asr(1))
    data(2, 0xe94c, 0xe706)  # strd(lr, r7, [r12, -24])
    data(2, 0xe9cc, 0x0102)  # strd(r0, r1, [r12, 8])
    # k = 2
    data(2, 0xe95c, 0x7904)  # ldrd(r7, r9, [r12, -16])
    asr(r0, r5, 1)
    asr(r1, r4, 1)  # -im B'
    data(2, 0xeb00, 0x0e67)  # add_w(lr, r0, r7, asr(1))
    data(2, 0xebc0, 0x0067)  # rsb_w(r0, r0, r7, asr(1))
    data(2, 0xebc1, 0x0769)  # rsb_w(r7, r1, r9, asr(1))
    data(2, 0xeb01, 0x0169)  # add_w(r1, r1, r9, asr(1))
    data(2, 0xe94c, 0xe704)  # strd(lr, r7, [r12, -16])
    data(2, 0xe9cc, 0x0104)  # strd(r0, r1, [r12, 16])
    # k = 3
    data(2, 0xe95c, 0x7902)  # ldrd(r7, r9, [r12, -8])
    data(2, 0xeba8, 0x0006)  # sub_w(r0, r8, r6)
    data(2, 0xeb08, 0x0106)  # add_w(r1, r8, r6): -im B'
    data(2, 0xfb30, 0xf00a)  # smulwb(r0, r0, r10)
    data(2, 0xfb31, 0xf10a)  # smulwb(r1, r1, r10)
    data(2, 0xeb00, 0x0e67)  # add_w(lr, r0, r7, asr(1))
    data(2, 0xebc0, 0x0067)  # rsb_w(r0, r0, r7, asr(1))
    data(2, 0xebc1, 0x0769)  # rsb_w(r7, r1, r9, asr(1))
    data(2, 0xeb01, 0x0169)  # add_w(r1, r1, r9, asr(1))
    data(2, 0xe94c, 0xe702)  # strd(lr, r7, [r12, -8])
    data(2, 0xe9cc, 0x0106)  # strd(r0, r1, [r12, 24])
    data(2, 0xf20c, 0x0c20)  # add_w(r12, r12, 32)
    data(2, 0xf1bb, 0x0b01)  # subs_w(r11, r11, 1)
    bne_w(GROUP)
    pop({r8, r9, r10, r11})


@micropython.asm_thumb
def radix4_pass(r0, r1, r2, r3):
    """z, number of bins, sine, plan (n, m, the first of the bins)."""
    push({r8, r9, r10, r11})
    mov(r12, r1)
    mov(r1, r2)
    ldr(r4, [r3, 0])
    ldr(r5, [r3, 4])
    ldr(r6, [r3, 8])
    movw(r3, 1024)
    udiv(r3, r3, r5)  # r3: bytes of the table a bin
    data(2, 0xfb06, 0xf203)  # mul_w(r2, r6, r3): r2: bytes to the first factor of the bin
    udiv(r4, r4, r5)
    lsr(r4, r4, 2)  # r4: butterflies a bin
    data(2, 0xea4f, 0x0bc5)  # lsl_w(r11, r5, 3): r11: bytes of a transform
    data(2, 0xeb00, 0x00c6)  # add_w(r0, r0, r6, lsl(3))
    data(2, 0xeb00, 0x000b)  # add_w(r0, r0, r11)
    data(2, 0xeb00, 0x004b)  # add_w(r0, r0, r11, lsl(1)): r0: the bin's first butterfly, of which the last point, d
    mov(r5, r12)  # r5: bins left
    cmp(r3, 2)
    beq_w(LAST)
    push({r0, r1, r2, r3, r4, r5})

    label(BIN)
    data(2, 0xe89d, 0x003f)  # ldmia(sp, {r0, r1, r2, r3, r4, r5})
    mov(r12, r0)
    mov(lr, r4)
    # r8, r9, r10: factors of 1, 2, 3 times the angle, sin' in the upper half, cos' in the lower
    add(r6, r1, r2)
    ldrh(r7, [r6, 0])
    data(2, 0xf8b6, 0x8400)  # ldrh_w(r8, [r6, 1024])
    data(2, 0xeac8, 0x4807)  # pkhbt(r8, r8, r7, lsl(16))
    add(r6, r6, r2)
    ldrh(r7, [r6, 0])
    data(2, 0xf8b6, 0x9400)  # ldrh_w(r9, [r6, 1024])
    data(2, 0xeac9, 0x4907)  # pkhbt(r9, r9, r7, lsl(16))
    add(r6, r6, r2)
    ldrh(r7, [r6, 0])
    data(2, 0xf8b6, 0xa400)  # ldrh_w(r10, [r6, 1024])
    data(2, 0xeaca, 0x4a07)  # pkhbt(r10, r10, r7, lsl(16))
    add(r0, 8)
    add(r2, r2, r3)
    sub(r5, 1)
    data(2, 0xe88d, 0x003f)  # stmia(sp, {r0, r1, r2, r3, r4, r5})

    label(BUTTERFLY)
    # in memory: a, c, b, d, r11 bytes apart; from d backwards
    data(2, 0xe9dc, 0x0100)  # ldrd(r0, r1, [r12])
    data(2, 0xfb30, 0xf20a)  # smulwb(r2, r0, r10)
    data(2, 0xfb31, 0x221a)  # smlawt(r2, r1, r10, r2): r2: -re d
    data(2, 0xfb30, 0xf01a)  # smulwt(r0, r0, r10)
    data(2, 0xfb31, 0xf10a)  # smulwb(r1, r1, r10)
    sub(r3, r0, r1)  # r3: im d
    data(2, 0xebac, 0x0c0b)  # sub_w(r12, r12, r11)
    data(2, 0xe9dc, 0x0100)  # ldrd(r0, r1, [r12])
    data(2, 0xfb30, 0xf408)  # smulwb(r4, r0, r8)
    data(2, 0xfb31, 0x4418)  # smlawt(r4, r1, r8, r4): r4: -re b
    data(2, 0xfb30, 0xf018)  # smulwt(r0, r0, r8)
    data(2, 0xfb31, 0xf108)  # smulwb(r1, r1, r8)
    sub(r5, r0, r1)  # r5: im b
    add(r6, r4, r2)  # r6: -re u, where u = b + d
    sub(r4, r4, r2)  # r4: -re v, where v = b - d
    add(r7, r5, r3)  # r7: im u
    sub(r5, r5, r3)  # r5: im v
    data(2, 0xebac, 0x0c0b)  # sub_w(r12, r12, r11)
    data(2, 0xe9dc, 0x0100)  # ldrd(r0, r1, [r12])
    data(2, 0xfb30, 0xf209)  # smulwb(r2, r0, r9)
    data(2, 0xfb31, 0x2219)  # smlawt(r2, r1, r9, r2): r2: -re c
    data(2, 0xfb30, 0xf019)  # smulwt(r0, r0, r9)
    data(2, 0xfb31, 0xf109)  # smulwb(r1, r1, r9)
    sub(r3, r0, r1)  # r3: im c
    data(2, 0xebac, 0x0c0b)  # sub_w(r12, r12, r11)
    data(2, 0xe9dc, 0x0100)  # ldrd(r0, r1, [r12])
    data(2, 0xeb02, 0x0060)  # add_w(r0, r2, r0, asr(1)): r0: re t, where t = a - c
    data(2, 0xeba0, 0x0242)  # sub_w(r2, r0, r2, lsl(1)): r2: re s, where s = a + c
    data(2, 0xeb03, 0x0161)  # add_w(r1, r3, r1, asr(1)): r1: im s
    data(2, 0xeba1, 0x0343)  # sub_w(r3, r1, r3, lsl(1)): r3: im t
    sub(r2, r2, r6)
    data(2, 0xeb02, 0x0646)  # add_w(r6, r2, r6, lsl(1))
    add(r1, r1, r7)
    data(2, 0xeba1, 0x0747)  # sub_w(r7, r1, r7, lsl(1))
    data(2, 0xe9cc, 0x2100)  # strd(r2, r1, [r12]): s + u
    add(r1, r0, r5)
    add(r2, r3, r4)
    data(2, 0xeb0c, 0x0c0b)  # add_w(r12, r12, r11)
    data(2, 0xe9cc, 0x1200)  # strd(r1, r2, [r12]): t - j v
    sub(r0, r0, r5)
    sub(r3, r3, r4)
    data(2, 0xeb0c, 0x0c0b)  # add_w(r12, r12, r11)
    data(2, 0xe9cc, 0x6700)  # strd(r6, r7, [r12]): s - u
    data(2, 0xeb0c, 0x0c0b)  # add_w(r12, r12, r11)
    data(2, 0xe9cc, 0x0300)  # strd(r0, r3, [r12]): t + j v
    data(2, 0xeb0c, 0x0c8b)  # add_w(r12, r12, r11, lsl(2))
    data(2, 0xf1be, 0x0e01)  # subs_w(lr, lr, 1)
    bne_w(BUTTERFLY)

    data(2, 0xf8dd, 0x0014)  # ldr_w(r0, [sp, 20])
    cmp(r0, 0)
    bne_w(BIN)
    pop({r0, r1, r2, r3, r4, r5})
    b(DONE)

    # The last pass of 2048 points: one butterfly a bin, so each factor is loaded where it is used. r8, r9, r10 point to
    # the sin' of 1, 2, 3 times the angle. The points are 4096 bytes apart; r12 moves by 4088, which fits.
    label(LAST)
    mov(r12, r0)
    mov(r11, r5)
    data(2, 0xeb01, 0x0802)  # add_w(r8, r1, r2)
    data(2, 0xeb08, 0x0902)  # add_w(r9, r8, r2)
    data(2, 0xeb09, 0x0a02)  # add_w(r10, r9, r2)
    label(BUTTERFLY_OF_BIN)
    data(2, 0xe9dc, 0x0100)  # ldrd(r0, r1, [r12])
    data(2, 0xf8ba, 0x6400)  # ldrh_w(r6, [r10, 1024])
    data(2, 0xf83a, 0x7b06)  # ldrh_w(r7, [r10], 6)
    data(2, 0xfb30, 0xf206)  # smulwb(r2, r0, r6)
    data(2, 0xfb31, 0x2207)  # smlawb(r2, r1, r7, r2): r2: -re d
    data(2, 0xfb30, 0xf007)  # smulwb(r0, r0, r7)
    data(2, 0xfb31, 0xf106)  # smulwb(r1, r1, r6)
    sub(r3, r0, r1)  # r3: im d
    data(2, 0xf6ac, 0x7cf8)  # sub_w(r12, r12, 4088)
    data(2, 0xe95c, 0x0102)  # ldrd(r0, r1, [r12, -8])
    data(2, 0xf8b8, 0x6400)  # ldrh_w(r6, [r8, 1024])
    data(2, 0xf838, 0x7b02)  # ldrh_w(r7, [r8], 2)
    data(2, 0xfb30, 0xf406)  # smulwb(r4, r0, r6)
    data(2, 0xfb31, 0x4407)  # smlawb(r4, r1, r7, r4): r4: -re b
    data(2, 0xfb30, 0xf007)  # smulwb(r0, r0, r7)
    data(2, 0xfb31, 0xf106)  # smulwb(r1, r1, r6)
    sub(r5, r0, r1)  # r5: im b
    add(r6, r4, r2)  # and so on as above
    sub(r4, r4, r2)
    add(r7, r5, r3)
    sub(r5, r5, r3)
    data(2, 0xf6ac, 0x7cf8)  # sub_w(r12, r12, 4088)
    data(2, 0xe95c, 0x0104)  # ldrd(r0, r1, [r12, -16])
    data(2, 0xf8b9, 0x3400)  # ldrh_w(r3, [r9, 1024])
    data(2, 0xf839, 0xeb04)  # ldrh_w(lr, [r9], 4)
    data(2, 0xfb30, 0xf203)  # smulwb(r2, r0, r3)
    data(2, 0xfb31, 0x220e)  # smlawb(r2, r1, lr, r2): r2: -re c
    data(2, 0xfb30, 0xf00e)  # smulwb(r0, r0, lr)
    data(2, 0xfb31, 0xf103)  # smulwb(r1, r1, r3)
    sub(r3, r0, r1)  # r3: im c
    data(2, 0xf6ac, 0x7cf8)  # sub_w(r12, r12, 4088)
    data(2, 0xe95c, 0x0106)  # ldrd(r0, r1, [r12, -24])
    data(2, 0xeb02, 0x0060)  # add_w(r0, r2, r0, asr(1))
    data(2, 0xeba0, 0x0242)  # sub_w(r2, r0, r2, lsl(1))
    data(2, 0xeb03, 0x0161)  # add_w(r1, r3, r1, asr(1))
    data(2, 0xeba1, 0x0343)  # sub_w(r3, r1, r3, lsl(1))
    sub(r2, r2, r6)
    data(2, 0xeb02, 0x0646)  # add_w(r6, r2, r6, lsl(1))
    add(r1, r1, r7)
    data(2, 0xeba1, 0x0747)  # sub_w(r7, r1, r7, lsl(1))
    data(2, 0xe94c, 0x2106)  # strd(r2, r1, [r12, -24])
    add(r1, r0, r5)
    add(r2, r3, r4)
    data(2, 0xf60c, 0x7cf8)  # add_w(r12, r12, 4088)
    data(2, 0xe94c, 0x1204)  # strd(r1, r2, [r12, -16])
    sub(r0, r0, r5)
    sub(r3, r3, r4)
    data(2, 0xf60c, 0x7cf8)  # add_w(r12, r12, 4088)
    data(2, 0xe94c, 0x6702)  # strd(r6, r7, [r12, -8])
    data(2, 0xf60c, 0x7cf8)  # add_w(r12, r12, 4088)
    data(2, 0xe8ec, 0x0302)  # strd(r0, r3, [r12], 8)
    data(2, 0xf1bb, 0x0b01)  # subs_w(r11, r11, 1)
    bne_w(BUTTERFLY_OF_BIN)
    label(DONE)
    pop({r8, r9, r10, r11})
