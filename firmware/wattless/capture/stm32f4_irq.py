"""What a STM32F4 does at every DRDY: the interrupt's handler, which restarts the DMA for one frame, and its helpers.

One array of 32-bit words, the block, has everything: addresses and values of registers (from boards/), the ring, what
is going on, counts. An interrupt's handler gets nothing but the pin, and to find the block as Python does, as the
`self` of a method, takes 450 instructions (measured), nearly twice the handler. So the block's address stands in a
register, and this register's is the one address that is written down here: TIM2_CCR4, at 0x40000040 on every STM32, of
a timer that is the front end's anyway.

A slot of the ring is a record (capture/stream.py): the frame's number, written here, and the frame's bytes, written by
the DMA, 8 bits at a time so that they lie as they came. SLOT is the one being written, and the reader takes what lies
before it: it moves on when the stream's transfer is complete, and never onto TAIL, which only the reader moves, and
only behind what it has copied. So neither ever meets the other; of a full ring the newest frame is dropped.

Numbers. TIM2 counts DRDY, TIM5 captures when it came: both by hardware, so interrupts may be late. In the rule the
count is one more and the time a period later. If not, it is time that says how many periods went by, because the
converter leaves out a DRDY that falls into a frame being read (SBAS950 8.5.1.5), and a spike would be counted (one that
comes an eighth of a period too early or more is none); SHIFT keeps the difference. Over a thousand periods the count is
as good, and exact. A DRDY off its time by more than the tolerance marks its frame. Where TIM5 captures nothing, the
count alone counts.

The converter keeps two samples in a FIFO (SBAS950 8.5.1.9.1). Behind missed DRDYs it is full, so one frame is read and
thrown away before the right one. Behind a frame that did not finish nobody knows what is in it: two frames are read and
none delivered. At the start a SYNC has emptied it (capture/stm32f4.py). A frame still under way is waited for, at most
PATIENCE turns of 16 instructions.

The clock of DMA1 is turned on each time: MicroPython turns it off when it thinks that it alone used DMA1 (dma.c).
MicroPython cleared EXTI's flag before the handler runs (extint.c); a DRDY that came since then is taken care of here
and its flag cleared, a later one brings its interrupt.

RS-485: with each DRDY at most one byte goes to the USART, which has taken the last one (TXE). The direction pin rises
one DRDY before the first byte and falls with the first DRDY after the last stop bit (TC).

Cost (host_tools/emulator/stm32f405/cost.py): 275 ARM instructions a frame, 41 more with a byte for RS-485; 2,900 behind
missed DRDYs, most of them waiting. MicroPython's way to the handler comes on top. The frame begins 150 instructions
after the handler does, so at 10.5 MHz an interrupt may come 60 us after DRDY and the frame is read before the next one;
later ones lose frames. Heap: the block's 0.2 KB; nothing is allocated, no Python object touched.
Not yet run on hardware.
"""

import micropython
from micropython import const

# Words of the block. From boards/, in this order; addresses first, where the name does not say a value:
_CLOCK = const(0)  # DMA1's bit of RCC_AHB1ENR in the bit-band alias: storing 1 touches no other
_PENDING = const(1)  # EXTI_PR
_LINE = const(2)  # value for it
_DMA = const(3)  # LISR, HISR, LIFCR, HIFCR
_RX = const(4)  # a stream's CR, NDTR, PAR, M0AR
_TX = const(5)
_CS = const(6)  # BSRR
_CS_LOW = const(7)  # value for it
_CS_HIGH = const(8)
_RX_CR = const(9)  # value, enabled
_TX_CR = const(10)
_RX_DONE = const(11)  # bit of LISR
_RX_CLEAR = const(12)  # value for LIFCR
_TX_CLEAR = const(13)  # value for HIFCR
_SPI = const(14)
_COUNT = const(15)  # the counter of DRDYs
_TIMER = const(16)  # the timer that captures them
_USART = const(17)
_DE = const(18)  # BSRR
_DE_ON = const(19)  # value for it
_DE_OFF = const(20)
_PATIENCE = const(21)  # turns of a loop
# From capture/stm32f4.py:
_MARK = const(22)  # bit 31
_BYTES = const(23)  # of a frame
_SIZE = const(24)  # of a slot
_RING = const(25)
_END = const(26)
_PERIOD = const(27)  # ticks of the timer
_SHORTEST = const(28)
_LONGEST = const(29)
_LATE = const(30)  # ticks after DRDY, from which a frame cannot be read before the next one
# What is going on:
_SLOT = const(31)
_TAIL = const(32)
_IDLE = const(33)  # 0: the frame under way is to be delivered; 1: it is not; 2: there is none, and the next is not;
# 3: neither is what there is, but the FIFO is empty, and the next frame is the right one
_KNOWN = const(34)  # there was a frame before
_LAST_COUNT = const(35)
_LAST_TICK = const(36)
_SHIFT = const(37)  # number of a frame less its count
_SENDING = const(38)  # the port is ours, or shall be
_SEND_AT = const(39)
_SEND_LEFT = const(40)
_DRIVING = const(41)
# Counts:
_UNFINISHED = const(42)
_FULL = const(43)
_MISSED = const(44)
_LATES = const(45)
_WORST = const(46)  # ticks
_SPURIOUS = const(47)
_JITTER = const(48)
_UNTIMED = const(49)

_NUMBERS = const(0x3FFFFFFF)
_CR = const(0)  # registers as indices of words
_NDTR = const(1)
_M0AR = const(3)
_LISR = const(0)
_LIFCR = const(2)
_HIFCR = const(3)
_SPI_SR = const(2)
_SPI_DR = const(3)
_RXNE = const(1)
_TXE = const(2)
_BSY = const(0x80)
_CNT = const(9)
_CCR1 = const(13)
_CCR4 = const(16)
_USART_SR = const(0)
_USART_DR = const(1)
_USART_TXE = const(0x80)
_USART_TC = const(0x40)


@micropython.viper
def drdy(pin):
    """The handler, for Pin.irq(drdy, trigger=Pin.IRQ_FALLING, hard=True)."""
    p = ptr32(0x20000000)  # half of TIM2's address: viper has no such literal
    p = ptr32(int(p) + int(p))
    p = ptr32(p[_CCR4])
    clock = ptr32(p[_CLOCK])
    clock[0] = 1

    # The frame before
    dma = ptr32(p[_DMA])
    rx = ptr32(p[_RX])
    tx = ptr32(p[_TX])
    cut = 0
    if not (dma[_LISR] & p[_RX_DONE]):
        left = p[_PATIENCE]
        if p[_IDLE] >= 2:
            left = 0
        while left and not (dma[_LISR] & p[_RX_DONE]):
            left -= 1
        if not left:
            # Cut it off: streams, then what the SPI holds. EN falls only when the stream's last access is through.
            cut = 1
            rx[_CR] = p[_RX_CR] - 1
            tx[_CR] = p[_TX_CR] - 1
            left = p[_PATIENCE]
            while left and ((rx[_CR] | tx[_CR]) & 1):
                left -= 1
            spi = ptr32(p[_SPI])
            while left and (spi[_SPI_SR] & _BSY):
                left -= 1
            while left and (spi[_SPI_SR] & _RXNE):
                at = spi[_SPI_DR]
                left -= 1
            at = spi[_SPI_DR]  # then SR: an overrun is over
            at = spi[_SPI_SR]
    if p[_IDLE] == 3:
        cut = 0
    if not (p[_IDLE] | cut):
        at = p[_SLOT] + p[_SIZE]
        if not (at - p[_END]):
            at = p[_RING]
        if at - p[_TAIL]:
            p[_SLOT] = at
        else:
            p[_FULL] = p[_FULL] + 1

    # The next one, as early as can be, but behind a look at what came: a DRDY in between finds room in the FIFO, and
    # its interrupt follows. An earlier one that came while this interrupt was late needs none of its own.
    pending = ptr32(p[_PENDING])
    pending[0] = p[_LINE]
    timer = ptr32(p[_TIMER])
    tick = timer[_CCR1]
    counter = ptr32(p[_COUNT])
    count = counter[0]
    again = 0
    mark = 0
    while True:
        pins = ptr32(p[_CS])
        pins[0] = p[_CS_HIGH]
        dma[_LIFCR] = p[_RX_CLEAR]
        dma[_HIFCR] = p[_TX_CLEAR]
        rx[_M0AR] = p[_SLOT] + 4
        rx[_NDTR] = p[_BYTES]
        tx[_NDTR] = p[_BYTES]
        pins[0] = p[_CS_LOW]
        rx[_CR] = p[_RX_CR]
        tx[_CR] = p[_TX_CR]

        if not again:
            # Whose turn was it? Differences and signs: a comparison takes eleven instructions, a test of a word three.
            late = timer[_CNT] - tick
            ticks = tick - p[_LAST_TICK]
            odd = (ticks - p[_SHORTEST]) | (p[_LONGEST] - ticks) | (p[_WORST] - late) | (p[_LATE] - late)
            if not ((odd >> 31) | (count - p[_LAST_COUNT] - 1) | cut):
                break
            if late > p[_WORST]:
                p[_WORST] = late
            if late > p[_LATE]:
                p[_LATES] = p[_LATES] + 1
            if p[_IDLE] == 2:
                cut = 1
            elif cut:
                p[_UNFINISHED] = p[_UNFINISHED] + 1
            steps = count - p[_LAST_COUNT]
            elapsed = steps
            if not p[_KNOWN]:
                p[_KNOWN] = 1
                elapsed = 1
                steps = 1
                ticks = 0
            elif ticks > 0:
                elapsed = (ticks + (p[_PERIOD] >> 3)) // p[_PERIOD]
                left = elapsed - steps
                at = elapsed >> 10
                if left <= at and left + at >= 0:
                    elapsed = steps
            else:
                p[_UNTIMED] = p[_UNTIMED] + 1
            p[_SHIFT] = p[_SHIFT] - steps
            if elapsed < 1:
                p[_SPURIOUS] = p[_SPURIOUS] + 1
                if not (counter[0] - count):
                    tick = p[_LAST_TICK]
                    cut = 1
                    break
                elapsed = 0  # but one came just now: the frame just started may be its, or not
            p[_SHIFT] = p[_SHIFT] + elapsed
            p[_MISSED] = p[_MISSED] + elapsed - 1
            if p[_IDLE] == 3:
                break
            left = ticks - elapsed * p[_PERIOD] + p[_LONGEST] - p[_PERIOD]
            if ticks > 0 and elapsed and elapsed < 64 and (left < 0 or left > p[_LONGEST] - p[_SHORTEST]):
                mark = p[_MARK]
                p[_JITTER] = p[_JITTER] + 1
            if elapsed == 1 and not cut:
                break
            began = tick + late
        else:
            began = timer[_CNT]
        left = p[_PATIENCE]
        while left and not (dma[_LISR] & p[_RX_DONE]):
            left -= 1
        if again == 1:
            status = ptr8(p[_SLOT])
            if not (status[5] | cut):  # no channel is new: the FIFO was empty
                p[_MISSED] = p[_MISSED] + 1
                cut = 1
            break
        # That frame only made room in the FIFO. When a DRDY came after it had begun, the next one does, too.
        again = 1
        pending[0] = p[_LINE]
        at = timer[_CCR1]
        steps = counter[0] - count
        if steps:
            tick = at
            count += steps
            p[_MISSED] = p[_MISSED] + steps
            if (began - tick) >> 31:
                again = 2
    p[_LAST_TICK] = tick
    p[_LAST_COUNT] = count
    p[_IDLE] = cut
    slot = ptr32(p[_SLOT])
    slot[0] = ((count + p[_SHIFT]) & _NUMBERS) | mark

    if p[_SENDING]:
        usart = ptr32(p[_USART])
        left = p[_SEND_LEFT]
        if not p[_DRIVING]:
            p[_DRIVING] = 1
            pins = ptr32(p[_DE])
            pins[0] = p[_DE_ON]
        elif left:
            if usart[_USART_SR] & _USART_TXE:
                at = p[_SEND_AT]
                byte = ptr8(at)
                usart[_USART_DR] = byte[0]
                p[_SEND_AT] = at + 1
                p[_SEND_LEFT] = left - 1
        elif usart[_USART_SR] & _USART_TC:
            p[_DRIVING] = 0
            p[_SENDING] = 0
            pins = ptr32(p[_DE])
            pins[0] = p[_DE_OFF]


BLOCK_WORDS = 50


@micropython.viper
def exchange(p: ptr32, sent: ptr8, got: ptr8, size: int) -> int:
    """One frame without DMA, for who sets the converter up; the streams must be off. p: the block. Bytes missing."""
    spi = ptr32(p[_SPI])
    cs = ptr32(p[_CS])
    patience = p[_PATIENCE]
    cs[0] = p[_CS_LOW]
    while size:
        left = patience
        while left and not (spi[_SPI_SR] & _TXE):
            left -= 1
        spi[_SPI_DR] = sent[0]
        while left and not (spi[_SPI_SR] & _RXNE):
            left -= 1
        if not left:
            break
        got[0] = spi[_SPI_DR]
        sent = ptr8(int(sent) + 1)
        got = ptr8(int(got) + 1)
        size -= 1
    cs[0] = p[_CS_HIGH]
    return size


@micropython.viper
def take(p: ptr32, ring: ptr32, out: ptr32, most: int) -> int:
    """Moves up to `most` records from the ring to `out`: how many. Their slots are free only behind the last copy."""
    size = p[_SIZE]
    at = p[_TAIL]
    stop = p[_SLOT]
    start = p[_RING]
    end = p[_END]
    done = 0
    while done < most and at != stop:
        slot = ptr32(int(ring) + at - start)
        left = size
        while left:
            out[0] = slot[0]
            out[1] = slot[1]
            out[2] = slot[2]
            out = ptr32(int(out) + 12)
            slot = ptr32(int(slot) + 12)
            left -= 12
        at += size
        if at == end:
            at = start
        done += 1
    p[_TAIL] = at
    return done


@micropython.viper
def copy(source: ptr8, target: ptr8, size: int):
    """`size` bytes."""
    while size:
        target[0] = source[0]
        source = ptr8(int(source) + 1)
        target = ptr8(int(target) + 1)
        size -= 1
