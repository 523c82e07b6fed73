"""Acceptance tables A, B and C as data: what goes in, what must come out.

A: single phase, inputs of IEEE 1459-2010 annex B, IEC 62053-22 (5th harmonic), OIML R46, a V2G charger. B: three
phases. C: grouping of IEC 61000-4-7. Inputs: {order or Hz: (rms, degrees)}; results: point -> value, from the
definitions in float64. `share` is the relative tolerance of a case, `floor` the absolute one, in the unit of the point.
A list's value is given as {order: value}.
"""

from cmath import phase, rect
from math import cos, degrees, radians, sin

ONE_PHASE = {"wiring": "1p2w"}


def _polar(*pairs):
    return [rect(rms, radians(angle)) for rms, angle in pairs]


def tones(channel, f, harmonics):
    return [(channel, order * f, rms, angle) for order, (rms, angle) in harmonics.items()]


def case(id_, inputs, results, share=1e-4, floor=0.0, seconds=0.5, **settings):
    return {"id": id_, "inputs": inputs, "results": results, "share": share, "floor": floor, "seconds": seconds} | {
        "settings": settings
    }


def one_phase(id_, v, i, results, f=50.0, **options):
    return case(id_, tones("v1", f, v) + tones("i1", f, i), results, **ONE_PHASE, **options)


def three_phases(id_, v, i, results, **options):
    """The neutral carries the sum of the currents."""
    inputs = [(f"v{n}", 50.0, *x) for n, x in enumerate(v, 1)] + [(f"i{n}", 50.0, *x) for n, x in enumerate(i, 1)]
    total = sum(_polar(*i))
    if abs(total) > 1e-6:
        inputs.append(("in", 50.0, abs(total), degrees(phase(total))))
    return case(id_, inputs, results, wiring="3p4w", **options)


def balanced(rms, angle=0):
    return [(rms, angle), (rms, angle - 120), (rms, angle + 120)]


A = [
    one_phase(
        "A1 IEEE 1459 annex B",
        {1: (100, 0), 3: (8, -70), 5: (15, 140), 7: (5, 20)},
        {1: (100, -30), 3: (20, -165), 5: (15, 233), 7: (10, 288)},
        {
            "p": 8632.79, "p_l1": 8632.79, "p1_l1": 8660.25, "q1": 5000.00, "q1_l1": 5000.00, "v_l1": 101.558,
            "i_l1": 103.562, "s_l1": 10517.49, "s": 10517.49, "sn_l1": 3258.47, "sn": 3258.47, "di_l1": 2692.58,
            "dv_l1": 1772.00, "sh_l1": 477.13, "dh_l1": 476.34, "n_l1": 6007.71, "pf_l1": 0.82080,
            "thd_v_l1": 17.720, "thdh_v_l1": 17.720, "thd_i_l1": 26.926, "thdh_i_l1": 26.926, "pollution_l1": 0.32585,
            "phi1_l1": 30.0, "v1_l1": 100, "i1_l1": 100, "quadrant": 1,
            "hp_l1": {1: 8660.25, 3: -13.945, 5: -11.776, 7: -1.745},
            "vh_l1": {3: 8, 5: 15, 7: 5}, "ih_l1": {3: 20, 5: 15, 7: 10},
        },
        share=2e-4, floor=0.05, full_scale_v=250.0, full_scale_i=250.0, nominal_voltage=100,
    ),
    one_phase(
        "A1 PH",
        {1: (100, 0), 3: (8, -70), 5: (15, 140), 7: (5, 20)},
        {1: (100, -30), 3: (20, -165), 5: (15, 233), 7: (10, 288)},
        {"ph_l1": -27.465, "ph": -27.465},
        floor=0.5, full_scale_v=250.0, full_scale_i=250.0, nominal_voltage=100,  # 5e-5 of S
    ),
    one_phase(
        "A3 5th harmonic of IEC 62053-22",
        {1: (230, 0), 5: (23, 0)},
        {1: (5, 0), 5: (2, 0)},
        {"p_l1": 1196.00, "p1_l1": 1150, "s_l1": 1244.765, "n_l1": 345.00, "q1_l1": 0, "hp_l1": {1: 1150, 5: 46}},
        floor=0.05, full_scale_i=12.0,
    ),
    one_phase(
        "A4 quadriform of OIML R46",
        {1: (230, 0)} | {h: (2.3 * share, 180) for h, share in ((3, 3.8), (5, 2.4), (7, 1.7), (11, 1.0), (13, 0.8))},
        {1: (5, 0)} | {h: (0.05 * share, 0) for h, share in ((3, 30), (5, 18), (7, 14), (11, 9), (13, 5))},
        {"p_l1": 1127.690, "q1_l1": 0, "s_l1": 1236.157, "thd_v_l1": 4.973, "thd_i_l1": 39.06, "ph_l1": -22.310},
        floor=0.08, full_scale_i=20.0,
    ),
    one_phase(
        "A6 charger exporting",
        {1: (230, 0), 5: (4, 10), 7: (3, -20)},
        {1: (16, 160), 3: (0.4, 30), 5: (0.6, -100), 7: (0.3, 75)},
        {
            "p": -3458.968, "p1": -3458.069, "q1": -1258.634, "s": 3685.25, "n": 1271.47, "pf": -0.93860,
            "quadrant": 3, "hp_l1": {1: -3458.069, 3: 0, 5: -0.821, 7: -0.078},
        },
        floor=0.03, full_scale_i=40.0,
    ),
    one_phase(
        "crest and K factor, PWHD",
        {1: (230, 0)},
        {1: (10, 0), 3: (4, 0), 5: (3, 0), 15: (1, 0), 21: (0.5, 0)},
        {
            "cf_v_l1": 2**0.5,
            "kf_i_l1": (100 + 9 * 16 + 25 * 9 + 225 + 441 * 0.25) / (100 + 16 + 9 + 1 + 0.25),
            "pwhd_i_l1": 10 * (15 * 1 + 21 * 0.25) ** 0.5,
            "cf_i_l1": 18.5 * 2**0.5 / 126.25**0.5,
        },
        share=1e-3, full_scale_i=40.0,
    ),
]  # fmt: skip

STAR = _polar((230, 0), (225, -122), (236, 119))
I_STAR = [*_polar((10, -25)), 0, *_polar((12, 100))]
VIRTUAL = (2 * (STAR[0] - STAR[1]) - (STAR[2] - STAR[1])) / 3

B = [
    three_phases(
        "B1 two loaded phases",
        balanced(127),
        [(22.727272, 30), (22.727272, -150), (0, 0)],
        {
            "p": 4999.328, "q1": 0, "q1_l1": -1443.182, "q1_l2": 1443.182, "s": 5772.727, "s_vector": 4999.328,
            "s_effective": 7070.118, "i_eff": 18.5567, "v_eff": 127, "pf": 0.86603, "pf_vector": 1.0,
            "pf_effective": 0.70711, "n": (5772.727**2 - 4999.328**2) ** 0.5,
        },
        share=2e-4, floor=0.5, full_scale_v=250.0, full_scale_i=50.0, nominal_voltage=127,
    ),
    three_phases(
        "B2 one loaded phase",
        balanced(230),
        [(10, 0), (0, 0), (0, 0)],
        {
            "p": 2300, "i_eff": 8.1650, "s_effective": 5633.826, "pf_effective": 0.40825, "i_n": 10, "s1_pos": 2300,
            "p1_pos": 2300, "su1": 5142.956, "i_pos": 10 / 3, "i_neg": 10 / 3, "i_zero": 10 / 3, "i_u2": 100,
        },
        share=2e-4, full_scale_i=20.0,
    ),
    three_phases(
        "B4 balanced export",
        balanced(230),
        [(16, 150), (16, 30), (16, -90)],
        {"p": -9560.920, "q1": -5520.000, "pf_effective": -0.86603, "quadrant": 3, "pf1_pos": -0.86603, "n": 5520.0},
        full_scale_i=40.0,
    ),
    three_phases(
        "B4 balance",
        balanced(230),
        [(16, 150), (16, 30), (16, -90)],
        {"v_u2": 0, "v_u0": 0, "i_u2": 0},
        floor=0.01, full_scale_i=40.0,
    ),
    three_phases(
        "B5 unbalance",
        [(100, 0), (90, -120), (100, 120)],
        balanced(5),
        {"v_u2": 3.44828, "v_u0": 3.44828, "v_pos": 290 / 3, "v_neg": 10 / 3, "v_zero": 10 / 3},
        share=1e-3, nominal_voltage=100, dip_threshold=80,
    ),
    case(
        "B7 three wires by two elements and a virtual neutral",
        [
            (name, 50.0, abs(x), degrees(phase(x)))
            for name, x in (
                ("v12", STAR[0] - STAR[1]), ("v32", STAR[2] - STAR[1]), ("i1", I_STAR[0]), ("i3", I_STAR[2])
            )
        ],
        {
            "p": 7042.914, "q1": 2320.607, "i_l2": abs(I_STAR[0] + I_STAR[2]), "v_l12": abs(STAR[0] - STAR[1]),
            "v_l23": abs(STAR[1] - STAR[2]), "v_l31": abs(STAR[2] - STAR[0]), "v_l1": abs(VIRTUAL), "v_u0": None,
            "i_n": None, "v_zero": None,
        },
        share=2e-4, wiring="3p3w", full_scale_v=800.0, full_scale_i=30.0, nominal_voltage=400,
    ),
    case(
        "split phase",
        [("v1", 60, 120, 0), ("v2", 60, 118, 180), ("i1", 60, 10, -20), ("i2", 60, 5, 190), ("in", 60, 5, 0)],
        {
            "v_l12": 238, "p": 1200 * cos(radians(20)) + 590 * cos(radians(10)),
            "q1": 1200 * sin(radians(20)) - 590 * sin(radians(10)), "v_l3": None, "p_l3": None, "v_u2": None,
        },
        wiring="1p3w", nominal_frequency=60, nominal_voltage=120, full_scale_i=30.0,
    ),
    case(
        "harmonics of three phases: effective distortion",  # the 5th balanced, the 3rd in phase: in the neutral
        [
            (f"{q}{n}", 50.0 * h, rms, h * -120.0 * (n - 1))
            for n in (1, 2, 3)
            for q, h, rms in (("v", 1, 230), ("v", 5, 10), ("i", 1, 10), ("i", 3, 3), ("i", 5, 2))
        ] + [("in", 150.0, 9, 0)],
        {
            "sn": 3 * ((230**2 + 100) * (100 + 4 + 36) - 2300.0**2) ** 0.5,  # Ie**2 = (3 sum + 81) / 3
            "di": 3 * 230 * 40**0.5, "dv": 3 * 10 * 10, "sh": 3 * 10 * 40**0.5, "ph": 3 * 20,
            "dh": 3 * (400 * 10 - 400) ** 0.5, "i_n": 9, "i_eff": 140**0.5, "v_eff": (230**2 + 100) ** 0.5,
        },
        share=5e-4, floor=0.15, wiring="3p4w", full_scale_i=30.0,
    ),
]  # fmt: skip

GROUPED = [("v1", 50, 230, 0), ("v1", 150, 23, 10), ("v1", 245, 4.6, 20), ("v1", 285, 2.3, 30), ("i1", 50, 5, 0)]
BETWEEN = [("v1", 50, 230, 0), ("v1", 175, 10, 0), ("i1", 50, 5, 0)]
HALFWAY = [("v1", 53, 1, 0), ("v1", 79.5, 0.1, 0), ("v1", 106, 0.1, 0), ("i1", 53, 1, 0)]
SIGNAL = [("v1", 51, 230, 0), ("v1", 275, 1, 0), ("i1", 51, 5, 0)]
BEYOND = [("v1", 43, 230, 0), ("v1", 695 * 4.3, 1, 0), ("i1", 43, 5, 0)]

C = [
    case(
        "C1 subgroups", GROUPED,
        {
            "vh_l1": {3: 23, 5: 4.6, 6: 0}, "vih_l1": {4: 0, 5: 2.3}, "thdh_v_l1": 10.0, "thdg_v_l1": 10.247,
            "thd_v_l1": 10.198,
        },
        share=5e-4, floor=0.01, **ONE_PHASE,
    ),
    case(
        "C1 groups", GROUPED, {"vh_l1": {6: 2.3}, "vih_l1": {4: 4.6, 5: 2.3}},
        share=5e-4, floor=0.01, harmonics="groups", interharmonics="groups", **ONE_PHASE,
    ),
    case("C1 bins", GROUPED, {"vh_l1": {3: 23, 5: 0}}, share=5e-4, floor=0.01, harmonics="bins", **ONE_PHASE),
    case(
        "C3 subgroups", BETWEEN, {"vih_l1": {3: 10}, "thdh_v_l1": 0, "thd_v_l1": 0, "thdg_v_l1": 4.3478},
        share=5e-4, floor=0.01, **ONE_PHASE,
    ),
    case(
        "C3 groups", BETWEEN, {"vh_l1": {3: 7.0711, 4: 7.0711}, "vih_l1": {3: 10}},
        share=5e-4, floor=0.01, harmonics="groups", interharmonics="groups", **ONE_PHASE,
    ),
    case(
        "C5 interharmonic at 60 Hz", [("v1", 60, 100, 0), ("v1", 110, 5, 0), ("i1", 60, 5, 0)],
        {"vih_l1": {1: 5.0}}, share=5e-4, nominal_frequency=60, nominal_voltage=100, **ONE_PHASE,
    ),
    case(
        "C6 harmonics follow the frequency", HALFWAY, {"vh_l1": {2: 0.1}, "thdh_v_l1": 10.0, "thd_v_l1": 10.0},
        share=1e-3, seconds=0.9, full_scale_v=2.0, full_scale_i=3.0, nominal_voltage=1, **ONE_PHASE,
    ),
    case(
        "C6 interharmonics", HALFWAY, {"vih_l1": {1: 0.1}, "f": 53.0}, share=1e-3, seconds=0.9,
        interharmonics="groups", full_scale_v=2.0, full_scale_i=3.0, nominal_voltage=1, **ONE_PHASE,
    ),
    case(
        "C7 mains signalling", SIGNAL, {"msv_l1": 1.0, "msv_l2": None}, share=0.01,
        signalling_frequency=275, **ONE_PHASE,
    ),
    case("C7 without", SIGNAL, {"msv_l1": None}, **ONE_PHASE),
    case(
        "mains signalling beyond order 50", BEYOND, {"msv_l1": 1.0}, share=0.01, seconds=0.7,
        signalling_frequency=2988, **ONE_PHASE,
    ),
]  # fmt: skip
# Droop gate: 1 V at h5, 11, 25, 40, 50 on 230 V: class I asks for 5 %, the target is 0.5 %.
C += [
    case(
        f"droop {f} Hz {rate} S/s",
        [("v1", f, 230, 0), ("i1", f, 5, 0)] + [("v1", h * f, 1, 37 * h) for h in (5, 11, 25, 40, 50)],
        {"vh_l1": dict.fromkeys((5, 11, 25, 40, 50), 1.0)},
        share=0.005,
        nominal_frequency=60 if f > 55 else 50,
        adc_rate=rate,
        **ONE_PHASE,
    )
    for f in (49.9, 50.13, 59.93)
    for rate in (12800, 10240)
]
