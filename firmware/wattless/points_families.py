"""The quantities behind points_table.py: what the meter can say, family by family. Read by hosts and the build only."""

ORDERS = 51
SOURCE_ORDERS = tuple(range(3, 26, 2))  # orders that metering/source.py judges

# OBIS codes (IEC 62056-6-1), C of L1, L2, L3 and the total: C.D.0; a value group C that is not there is None
OBIS = {
    "wh_import": (21, 41, 61, 1, 8), "wh_export": (22, 42, 62, 2, 8), "varh_import": (23, 43, 63, 3, 8),
    "varh_export": (24, 44, 64, 4, 8), "varh_q1": (25, 45, 65, 5, 8), "varh_q2": (26, 46, 66, 6, 8),
    "varh_q3": (27, 47, 67, 7, 8), "varh_q4": (28, 48, 68, 8, 8), "i": (31, 51, 71, None, 7),
    "v": (32, 52, 72, None, 7), "pf": (33, 53, 73, 13, 7), "f": (None, None, None, 14, 7),
    "p": (36, 56, 76, 16, 7), "i_n": (None, None, None, 91, 7),
}  # fmt: skip

UNPUBLISHED = "all ones = nothing yet"

def _interval(prefix, update, base, metric, over):
    """The families of an aggregation interval, from PDU address `base` on."""
    rows = (
        ("v", "_l1 _l2 _l3", "V", 8, "PhV", "voltage_volts", "rms voltage"),
        ("v", "_l12 _l23 _l31", "V", 14, "PPV", "line_voltage_volts", "rms voltage"),
        ("i", "_l1 _l2 _l3 _n", "A", 20, "A", "current_amperes", "rms current"),
        ("p", "_l1 _l2 _l3 ", "W", 28, "W", "active_power_watts", "mean active power"),
        ("q1", "_l1 _l2 _l3 ", "var", 36, "VAr", "reactive_power_vars", "mean fundamental reactive power"),
        ("s", "", "VA", 44, "VA", "apparent_power_volt_amperes", "mean apparent power"),
        ("f", "", "Hz", 46, "Hz", "frequency_hertz", "mean frequency"),
        ("v_u2", "", "%", 48, "ImbNgV", "voltage_unbalance_negative_percent", "voltage unbalance, negative sequence"),
        ("v_u0", "", "%", 50, "ImbZroV", "voltage_unbalance_zero_percent", "voltage unbalance, zero sequence"),
        ("thd_v", "_l1 _l2 _l3", "%", 52, "ThdPhV", "voltage_thd_percent", "voltage THD (subgroups, 2-50)"),
        ("thd_i", "_l1 _l2 _l3", "%", 58, "ThdA", "current_thd_percent", "current THD (subgroups, 2-50)"),
        ("tdd_i", "_l1 _l2 _l3", "%", 64, "TddA", "current_tdd_percent", "total demand distortion"),
        ("trd_i", "_l1 _l2 _l3", "%", 70, "TrdA", "current_trd_percent", "total rated-current distortion"),
        ("v_under", "_l1 _l2 _l3", "%", 76, "UnderPhV", "voltage_underdeviation_percent",
         "under-deviation of nominal_voltage"),
        ("v_over", "_l1 _l2 _l3", "%", 82, "OverPhV", "voltage_overdeviation_percent",
         "over-deviation of nominal_voltage"),
    )
    for name, suffixes, unit, offset, node, prometheus, text in rows:
        ids = [f"{prefix}_{name}{suffix}" for suffix in suffixes.split(" ")]
        at = tuple([base + offset + 2 * k for k in range(len(ids))])
        names = f"{metric}/{node}/{{}}|{metric}/{node}"
        text = f"{text} {over}; IEC 61000-4-30 4.4"
        yield " ".join(ids), unit, "float32", update, 1, at, "", names, f"{prefix}_phase_{prometheus}", text
    at = (base + 88,)
    text = f"how many 10/12-cycle windows the values {over} are of"
    yield f"{prefix}_windows", "1", "uint16", update, 1, at, "", metric + "/Windows", f"{prefix}_windows", text


def _lists(prefix, update, base, metric):
    """Harmonics aggregated over an interval."""
    for k, (name, unit, node, text) in enumerate((("vh", "V", "HPhV", "voltage"), ("ih", "A", "HA", "current"))):
        ids = " ".join([f"{prefix}_{name}_l{n}" for n in (1, 2, 3)])
        at = tuple([base + 600 * k + 200 * n for n in range(3)])
        text = f"{text} of the orders 0-50, rms over the interval; IEC 61000-4-7 5.6"
        names = f"{metric}/{node}/{{}}"
        yield ids, unit, "float32", update, ORDERS, at, "", names, f"{prefix}_harmonic_{name}", text

# One entry is a quantity: of all its phases or conductors, and the total where an id has no suffix. Columns: ids; unit,
# type, update, count; an address for each id; SunSpec, Sparkplug and Prometheus names; description. A name with a bar
# is "of a phase|of the total", {} stands for the phase; the Prometheus name of a total has no phase_.
FAMILIES = (
    # The snapshot: which window the values are of.
    ("seq", "1", "uint32", "status", 1, (20,), "", "Wattless/Seq", "snapshot_sequence",
     "sequence number of the snapshot: 0 = nothing published yet, then 1, 2, ...; after 4294967294 comes 1"),
    ("window_ms", "ms", "uint64", "status", 1, (22,), "", "Wattless/WindowTime", "window_time_milliseconds",
     "end of the window, unix time (UTC); all ones = the clock is not set"),
    ("flags", "1", "uint32", "status", 1, (26,), "", "Wattless/Flags", "window_flags",
     "what is to be known of the window, from bit 0: gap clip flat jitter crc unsync event overrun short (5/6 periods, "
     "not IEC) fallback (fast kernels failed their self-test) noload (energy below the starting current left out) "
     "offset "
     "noise supply; all ones = no window yet"),
    ("seq_half", "1", "uint32", "status", 1, (400,), "", "Wattless/HalfSeq", "half_period_sequence",
     "sequence number of the half-period values; 0 = nothing yet"),
    ("half_sample", "1", "uint32", "status", 1, (402,), "", "Wattless/HalfSample", "half_period_sample",
     "number (modulo 2^30) of the sample behind the newest half period; " + UNPUBLISHED),
    ("flags_half", "1", "uint32", "status", 1, (404,), "", "Wattless/HalfFlags", "half_period_flags",
     "flags of the newest half period, bits as in flags; " + UNPUBLISHED),
    *[(f"{name}_{t}", unit, kind, "status", 1, (base + offset,), "", f"Wattless/{t}/{metric}", f"{name}_{t}", text)
      for t, base in (("10s", 440), ("3s", 500), ("10min", 600), ("2h", 700))
      for name, unit, kind, offset, metric, text in (
          ("seq", "1", "uint32", 0, "Seq", f"sequence number of the {t} values; 0 = nothing yet"),
          ("end_ms", "ms", "uint64", 2,
           "End", f"end of the {t} interval, unix time (UTC); all ones = the clock is not set"),
          ("flags", "1", "uint32", 6, "Flags", f"flags of all windows of the {t} interval; " + UNPUBLISHED))],
    # How the meter itself is; `diag` says what it means.
    *[(name, unit, kind, "status", 1, (at,), "", "Wattless/Self/" + metric, name if unit == "1" else f"{name}_{long}",
       text)
      for name, unit, kind, at, metric, long, text in (
          ("cpu_load", "1", "uint16", 375, "Load", "", "share of the time that measuring takes, per mille"),
          ("kernels", "1", "uint16", 376, "Kernels", "", "of the signal core: 0 viper, 1 Thumb-2, 2 viper because the "
           "self-test of the fast ones failed"),
          ("uptime", "s", "uint32", 377, "Uptime", "seconds", "since the start"),
          ("heap_free", "B", "uint32", 379, "HeapFree", "bytes", "free memory behind the last collection"),
          ("heap_low", "B", "uint32", 381, "HeapLow", "bytes", "the least of it since the start"),
          ("capture_rate", "mS/s", "uint32", 383, "CaptureRate", "millisamples", "frames a second by the processor's "
           "clock, in thousandths: 12800000 is 12.8 kS/s"),
          ("slice_most", "us", "uint32", 385, "SliceMost", "microseconds", "longest time without a look at the "
           "frames since the start"),
          ("store_errors", "1", "uint32", 387, "StoreErrors", "", "records of the store with a wrong checksum, or that "
           "could not be written"),
          ("lock_state", "1", "uint16", 389, "LockState", "", "0 unlocked, 1 locked, 2 no access code set, 3 blocked "
           "after a wrong code, 4 sealed by the jumper"),
          ("tamper", "1", "uint16", 390, "Tamper", "", "1 while the cover is open"),
          ("link", "1", "uint16", 391, "Link", "", "of the network: 0 none, 1 down, 2 up"))],
    # What happened since the start.
    *[(name, "1", "uint32", "status", 1, (975 + 2 * k,), "", "Wattless/Count/" + metric, name + "_total", text)
      for k, (name, metric, text) in enumerate((
          ("lost_frames", "LostFrames", "frames of the converter that never came"),
          ("crc_errors", "CrcErrors", "frames with a wrong checksum"),
          ("clipped_frames", "ClippedFrames", "frames with a code at an end of the converter's range"),
          ("jitter_frames", "JitterFrames", "frames whose data-ready signal came off its time"),
          ("flat_windows", "FlatWindows", "windows in which a wired voltage showed one constant code"),
          ("gaps", "Gaps", "interruptions of the sample stream"),
          ("offset_alarms", "OffsetAlarms", "times that the dc of a voltage or current left its limit"),
          ("noise_alarms", "NoiseAlarms", "times that the noise floor left its limit"),
          ("supply_alarms", "SupplyAlarms", "times that the auxiliary supply fell below its limit")))],
    # Frequency, voltages, currents.
    ("f", "Hz", "float32", "window", 1, (28,), "Hz", "MMXU1/Hz", "frequency_hertz",
     "frequency of the fundamental over the window"),
    ("v_l1 v_l2 v_l3", "V", "float32", "window", 1, (30, 32, 34), "PhVph{}", "MMXU1/PhV/{}", "phase_voltage_volts",
     "rms voltage to neutral (3p3w: to the virtual neutral); IEC 61000-4-30 5.2.1"),
    ("v_l12 v_l23 v_l31", "V", "float32", "window", 1, (36, 38, 40), "PPVph{}", "MMXU1/PPV/{}", "line_voltage_volts",
     "rms voltage; IEC 61000-4-30 5.2.1"),
    ("i_l1 i_l2 i_l3", "A", "float32", "window", 1, (42, 44, 46), "Aph{}", "MMXU1/A/{}", "phase_current_amperes",
     "rms current; IEC 61000-4-30 5.13"),
    ("i_n", "A", "float32", "window", 1, (48,), "", "MMXU1/A/{}", "phase_current_amperes",
     "rms current; IEC 61000-4-30 5.13"),
    # Powers. Load convention: P > 0 is consumption, Q1 > 0 when the current lags (inductive).
    ("p_l1 p_l2 p_l3 p", "W", "float32", "window", 1, (50, 52, 54, 56), "Wph{}|W",
     "MMXU1/W/{}|MMXU1/TotW", "phase_active_power_watts",
     "active power, > 0 is consumption; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("p1_l1 p1_l2 p1_l3 p1", "W", "float32", "window", 1, (0, 4, 8, 12), "",
     "Wattless/W1/{}|Wattless/TotW1", "phase_fundamental_active_power_watts",
     "fundamental active power, > 0 is consumption; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("q1_l1 q1_l2 q1_l3 q1", "var", "float32", "window", 1, (2, 6, 10, 14), "VARph{}|VAR",
     "MMXU1/VAr/{}|MMXU1/TotVAr", "phase_fundamental_reactive_power_vars",
     "fundamental reactive power, signed, > 0 when the current lags (inductive); IEEE 1459-2010 3.1.2, 3.2.3"),
    ("s_l1 s_l2 s_l3 s", "VA", "float32", "window", 1, (58, 60, 62, 64), "VAph{}|VA",
     "MMXU1/VA/{}|MMXU1/TotVA", "phase_apparent_power_volt_amperes",
     "apparent power (in total the arithmetic sum); IEEE 1459-2010 3.1.2, 3.2.3"),
    ("s1_l1 s1_l2 s1_l3 s1", "VA", "float32", "window", 1, (66, 68, 70, 16), "",
     "Wattless/VA1/{}|Wattless/TotVA1", "phase_fundamental_apparent_power_volt_amperes",
     "fundamental apparent power, hypot(p1, q1); IEEE 1459-2010 3.1.2, 3.2.3"),
    ("n_l1 n_l2 n_l3 n", "VA", "float32", "window", 1, (72, 74, 76, 78), "",
     "Wattless/VAN/{}|Wattless/TotVAN", "phase_nonactive_power_volt_amperes",
     "nonactive power, sqrt(s^2 - p^2), unsigned; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("pf_l1 pf_l2 pf_l3 pf", "1", "float32", "window", 1, (80, 82, 84, 86), "PFph{}|PF",
     "MMXU1/PF/{}|MMXU1/TotPF", "phase_power_factor_ratio",
     "power factor, p / s, sign of p; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("dpf_l1 dpf_l2 dpf_l3 dpf", "1", "float32", "window", 1, (88, 90, 92, 94), "",
     "Wattless/DPF/{}|Wattless/TotDPF", "phase_displacement_power_factor_ratio",
     "displacement power factor, p1 / s1, sign of p1; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("phi1_l1 phi1_l2 phi1_l3 phi1", "deg", "float32", "window", 1, (96, 98, 100, 18), "",
     "Wattless/Phi1/{}|Wattless/TotPhi1", "phase_fundamental_angle_degrees",
     "angle by which the fundamental current lags, atan2(q1, p1), -180 to 180, sign of q1"),
    ("s_vector", "VA", "float32", "window", 1, (102,), "", "Wattless/TotVAVector", "vector_apparent_power_volt_amperes",
     "vector apparent power; IEEE 1459-2010 3.2.3"),
    ("s_effective", "VA", "float32", "window", 1, (104,), "", "Wattless/TotVAEffective",
     "effective_apparent_power_volt_amperes", "effective apparent power, 3 Ve Ie; IEEE 1459-2010 3.2.3"),
    ("pf_vector", "1", "float32", "window", 1, (106,), "", "Wattless/TotPFVector", "vector_power_factor_ratio",
     "vector power factor, p / s_vector; IEEE 1459-2010 3.2.3"),
    ("pf_effective", "1", "float32", "window", 1, (108,), "", "Wattless/TotPFEffective", "effective_power_factor_ratio",
     "effective power factor, p / s_effective; IEEE 1459-2010 3.2.3"),
    ("p1_pos", "W", "float32", "window", 1, (110,), "", "Wattless/TotW1Pos", "positive_sequence_active_power_watts",
     "positive-sequence fundamental active power; IEEE 1459-2010 3.2.3"),
    ("q1_pos", "var", "float32", "window", 1, (112,), "", "Wattless/TotVAr1Pos",
     "positive_sequence_reactive_power_vars",
     "positive-sequence fundamental reactive power, > 0 is inductive; IEEE 1459-2010 3.2.3"),
    # Power quality.
    ("v_u2", "%", "float32", "window", 1, (114,), "", "MSQI1/ImbNgV", "voltage_unbalance_negative_percent",
     "voltage unbalance, negative over positive sequence; IEC 61000-4-30 5.7"),
    ("v_u0", "%", "float32", "window", 1, (116,), "", "MSQI1/ImbZroV", "voltage_unbalance_zero_percent",
     "voltage unbalance, zero over positive sequence; IEC 61000-4-30 5.7"),
    ("thd_v_l1 thd_v_l2 thd_v_l3", "%", "float32", "window", 1, (118, 120, 122), "", "MHAI1/ThdPhV/{}",
     "phase_voltage_thd_percent", "voltage THD by subgroups (THDS), orders 2-50 (3p3w: of the virtual phases, from the "
     "line voltages); IEC 61000-4-7 3.3"),
    ("thd_i_l1 thd_i_l2 thd_i_l3", "%", "float32", "window", 1, (124, 126, 128), "", "MHAI1/ThdA/{}",
     "phase_current_thd_percent", "current THD by subgroups (THDS), orders 2-50; IEC 61000-4-7 3.3"),
    ("thdg_v_l1 thdg_v_l2 thdg_v_l3", "%", "float32", "window", 1, (130, 132, 134), "", "Wattless/ThdGPhV/{}",
     "phase_voltage_thdg_percent", "voltage THD by groups (THDG), orders 2-50 (3p3w: as thd_v); IEC 61000-4-7 3.3"),
    ("thdg_i_l1 thdg_i_l2 thdg_i_l3", "%", "float32", "window", 1, (136, 138, 140), "", "Wattless/ThdGA/{}",
     "phase_current_thdg_percent", "current THD by groups (THDG), orders 2-50; IEC 61000-4-7 3.3"),
    ("thd40_v_l1 thd40_v_l2 thd40_v_l3", "%", "float32", "window", 1, (142, 144, 146), "", "Wattless/Thd40PhV/{}",
     "phase_voltage_thd40_percent", "voltage THD by subgroups, orders 2-40, for standards that ask for 40 (3p3w: as "
     "thd_v)"),
    ("thd40_i_l1 thd40_i_l2 thd40_i_l3", "%", "float32", "window", 1, (148, 150, 152), "", "Wattless/Thd40A/{}",
     "phase_current_thd40_percent", "current THD by subgroups, orders 2-40, for standards that ask for 40"),
    ("tdd_i_l1 tdd_i_l2 tdd_i_l3", "%", "float32", "window", 1, (154, 156, 158), "", "MHAI1/TddA/{}",
     "phase_current_tdd_percent", "total demand distortion, in % of the setting demand_current; IEEE 519-2022"),
    ("trd_i_l1 trd_i_l2 trd_i_l3", "%", "float32", "window", 1, (160, 162, 164), "", "Wattless/TrdA/{}",
     "phase_current_trd_percent", "total rated-current distortion, in % of the setting rated_current; IEEE 1547-2018"),
    ("quadrant", "1", "uint16", "window", 1, (166,), "", "Wattless/Quadrant", "quadrant",
     "quadrant of the totals by the signs of p and q1: 1 = ++, 2 = -+, 3 = --, 4 = +-"),
    ("msv_l1 msv_l2 msv_l3", "V", "float32", "window", 1, (167, 169, 171), "", "Wattless/Msv/{}",
     "phase_mains_signalling_volts", "mains signalling voltage, rms of the four bins nearest to the setting "
     "signalling_frequency; IEC 61000-4-30 5.10"),
    # More of IEEE 1459-2010. In total: the effective quantities of 3.2.2.
    *[(f"{v}1_l1 {v}1_l2 {v}1_l3", unit, "float32", "window", 1, (at, at + 2, at + 4), "",
       f"Wattless/{metric}1/{{}}", f"phase_fundamental_{name}", f"rms of the fundamental {text}; IEC 61000-4-7")
      for v, unit, at, metric, name, text in (
          ("v", "V", 173, "PhV", "voltage_volts", "voltage"), ("i", "A", 179, "A", "current_amperes", "current"))],
    *[(f"{q}_l1 {q}_l2 {q}_l3 {q}", unit, "float32", "window", 1, (at, at + 2, at + 4, at + 6), "",
       f"Wattless/{q.upper()}Pwr/{{}}|Wattless/Tot{q.upper()}Pwr", f"phase_{name}", f"{text}; IEEE 1459-2010 {clause}")
      for q, unit, at, name, text, clause in (
          ("sn", "VA", 185, "nonfundamental_apparent_power_volt_amperes",
           "nonfundamental apparent power SN (total: SeN)", "3.1.2.8, 3.2.2.8"),
          ("di", "VA", 193, "current_distortion_power_volt_amperes", "current distortion power DI (total: DeI)",
           "3.1.2.9"),
          ("dv", "VA", 201, "voltage_distortion_power_volt_amperes", "voltage distortion power DV (total: DeV)",
           "3.1.2.10"),
          ("sh", "VA", 209, "harmonic_apparent_power_volt_amperes", "harmonic apparent power SH (total: SeH)",
           "3.1.2.11"),
          ("ph", "W", 217, "harmonic_active_power_watts", "harmonic active power PH = P - P1", "3.1.2.12"),
          ("dh", "VA", 225, "harmonic_distortion_power_volt_amperes", "harmonic distortion power DH (total: DeH)",
           "3.1.2.13"),
          ("pollution", "1", 233, "harmonic_pollution_ratio", "harmonic pollution SN / S1 (total: SeN / Se1)",
           "3.1.2.17"))],
    *[(id_, unit, "float32", "window", 1, (at,), "", "Wattless/" + metric, prometheus, text)
      for id_, unit, at, metric, prometheus, text in (
          ("su1", "VA", 241, "TotVAUnbalance", "unbalance_power_volt_amperes",
           "unbalanced fundamental apparent power, sqrt(Se1^2 - s1_pos^2); IEEE 1459-2010 3.2.2.9"),
          ("s1_pos", "VA", 243, "TotVA1Pos", "positive_sequence_apparent_power_volt_amperes",
           "positive-sequence apparent power; IEEE 1459-2010 3.2.3"),
          ("pf1_pos", "1", 245, "TotPF1Pos", "positive_sequence_power_factor_ratio",
           "positive-sequence power factor, p1_pos / s1_pos; IEEE 1459-2010 3.2.3"),
          ("v_eff", "V", 247, "PhVEffective", "effective_voltage_volts",
           "effective voltage Ve; IEEE 1459-2010 3.2.2.8"),
          ("i_eff", "A", 249, "AEffective", "effective_current_amperes",
           "effective current Ie; IEEE 1459-2010 3.2.2.8"),
          ("v_pos", "V", 251, "PhVPos", "positive_sequence_voltage_volts",
           "positive-sequence voltage; IEEE 1459-2010 3.2.2.2"),
          ("v_neg", "V", 253, "PhVNeg", "negative_sequence_voltage_volts",
           "negative-sequence voltage; IEEE 1459-2010 3.2.2.2"),
          ("v_zero", "V", 255, "PhVZero", "zero_sequence_voltage_volts",
           "zero-sequence voltage; IEEE 1459-2010 3.2.2.2"),
          ("i_pos", "A", 257, "APos", "positive_sequence_current_amperes",
           "positive-sequence current; IEEE 1459-2010 3.2.2.2"),
          ("i_neg", "A", 259, "ANeg", "negative_sequence_current_amperes",
           "negative-sequence current; IEEE 1459-2010 3.2.2.2"),
          ("i_zero", "A", 261, "AZero", "zero_sequence_current_amperes",
           "zero-sequence current; IEEE 1459-2010 3.2.2.2"),
          ("i_u2", "%", 263, "ImbNgA", "current_unbalance_negative_percent",
           "current unbalance, negative over positive sequence; IEC 61000-4-30 5.13"),
          ("i_u0", "%", 265, "ImbZroA", "current_unbalance_zero_percent",
           "current unbalance, zero over positive sequence; IEC 61000-4-30 5.13"))],
    *[(f"{q}_l1 {q}_l2 {q}_l3", unit, "float32", "window", 1, (at, at + 2, at + 4),
     "", f"Wattless/{metric}/{{}}", name, text)
      for q, unit, at, metric, name, text in (
          ("cf_v", "1", 267, "CfPhV", "phase_voltage_crest_factor_ratio", "crest factor of the voltage, peak / rms"),
          ("cf_i", "1", 273, "CfA", "phase_current_crest_factor_ratio", "crest factor of the current, peak / rms"),
          ("kf_i", "1", 279, "KfA", "phase_current_k_factor_ratio",
           "K factor of the current, sum of h^2 I_h^2 over sum of I_h^2, orders 1-50; IEEE C57.110"),
          ("thdh_v", "%", 285, "ThdHPhV", "phase_voltage_thdh_percent",
           "voltage THD by single bins, orders 2-50; IEC 61000-4-7 3.3.1"),
          ("thdh_i", "%", 291, "ThdHA", "phase_current_thdh_percent",
           "current THD by single bins, orders 2-50; IEC 61000-4-7 3.3.1"),
          ("pwhd_v", "%", 297, "PwhdPhV", "phase_voltage_pwhd_percent",
           "partial weighted harmonic distortion of the voltage, subgroups of orders 14-40; IEC 61000-3-12"),
          ("pwhd_i", "%", 303, "PwhdA", "phase_current_pwhd_percent",
           "partial weighted harmonic distortion of the current, subgroups of orders 14-40; IEC 61000-3-12"))],
    ("aux_v", "V", "float32", "window", 1, (309,), "", "Wattless/AuxV", "auxiliary_supply_volts",
     "voltage at the converter's eighth input, the auxiliary 12 V supply"),
    ("noise_v noise_i", "%", "float32", "window", 1, (311, 313), "", "Wattless/Noise/{}", "noise_percent",
     "noise floor of the noisiest channel of its kind, in % of full scale"),
    # Who distorts: grid or site, by order.
    (" ".join([f"source_h{h}" for h in SOURCE_ORDERS]), "1", "uint16", "window", 1, tuple(range(315, 327)), "",
     "Wattless/Source/{}", "distortion_source",
      "who causes this order: 0 unknown, 1 grid, 2 site, 3 both; CIGRE TB 468"),
    (" ".join([f"source_confidence_h{h}" for h in SOURCE_ORDERS]), "%", "float32", "window", 1,
     tuple(range(327, 351, 2)), "", "Wattless/SourceConfidence/{}", "distortion_source_confidence_percent",
     "confidence of that verdict"),
    (" ".join([f"source_z_h{h}" for h in SOURCE_ORDERS]), "ohm", "float32", "window", 1, tuple(range(351, 375, 2)), "",
     "Wattless/SourceZ/{}", "grid_impedance_ohms", "magnitude of the grid's impedance at this order, estimated"),
    # Harmonics: the lists start at 1000 + 200 k, and one request (102 registers) reads a whole one.
    ("vh_l1 vh_l2 vh_l3", "V", "float32", "window", ORDERS, (1000, 1200, 1400), "", "MHAI1/HPhV/{}",
     "phase_harmonic_voltage_volts",
     "order 0: dc, signed; 1-50: rms of the subgroup (3p3w: as thd_v); IEC 61000-4-7 5.6"),
    ("ih_l1 ih_l2 ih_l3 ih_n", "A", "float32", "window", ORDERS, (1600, 1800, 2000, 2200), "", "MHAI1/HA/{}",
     "phase_harmonic_current_amperes", "order 0: dc, signed; 1-50: rms of the subgroup; IEC 61000-4-7 5.6"),
    ("vih_l1 vih_l2 vih_l3", "V", "float32", "window", ORDERS, (2400, 2600, 2800), "", "Wattless/IhPhV/{}",
     "phase_interharmonic_voltage_volts",
     "order h: rms between h and h + 1, the centred subgroup (setting interharmonics); IEC 61000-4-7 annex A"),
    ("iih_l1 iih_l2 iih_l3", "A", "float32", "window", ORDERS, (3000, 3200, 3400), "", "Wattless/IhA/{}",
     "phase_interharmonic_current_amperes",
     "order h: rms between h and h + 1, the centred subgroup (setting interharmonics); IEC 61000-4-7 annex A"),
    ("hp_l1 hp_l2 hp_l3", "W", "float32", "window", ORDERS, (3600, 3800, 4000), "", "Wattless/HW/{}",
     "phase_harmonic_power_watts", "active power of each order, signed, order 0: dc; IEEE 1459-2010 3.1.2.12"),
    # Every half period.
    *[(f"half_{q}_l1 half_{q}_l2 half_{q}_l3" + (f" half_{q}" if total else ""), unit, "float32", "half-cycle", 1,
       tuple(range(at, at + (8 if total else 6), 2)), "", f"Wattless/Half/{metric}/{{}}|Wattless/Half/Tot{metric}",
       f"phase_half_period_{name}", text + " (3p3w: L1 is v12 with i1, L3 is v32 with i3)")
      for q, unit, at, total, metric, name, text in (
          ("v", "V", 406, False, "PhV", "voltage_volts",
           "rms over one period, anew every half period: Urms(1/2); IEC 61000-4-30 5.4.1"),
          ("i", "A", 412, False, "A", "current_amperes", "rms over the same period"),
          ("p", "W", 418, True, "W", "active_power_watts", "active power over the same period"),
          ("q1", "var", 426, True, "VAr", "fundamental_reactive_power_vars",
           "fundamental reactive power over the same period, > 0 is inductive"))],
    ("f10s", "Hz", "float32", "10 s", 1, (448,), "", "Wattless/Hz10s", "frequency_10s_hertz",
     "frequency: whole periods in a 10 s interval of the clock over their duration; IEC 61000-4-30 5.1"),
    *_interval("t3s", "3 s", 500, "Wattless/3s", "over 150/180 periods"),
    *_lists("t3s", "3 s", 4200, "Wattless/3s"),
    *_interval("t10min", "10 min", 600, "Wattless/10min", "over 10 minutes"),
    ("t10min_pst_l1 t10min_pst_l2 t10min_pst_l3", "1", "float32", "10 min", 1, (690, 692, 694), "", "MFLK1/PhPst/{}",
     "phase_flicker_pst_ratio", "short-term flicker severity Pst; IEC 61000-4-15"),
    *_lists("t10min", "10 min", 5400, "Wattless/10min"),
    *_interval("t2h", "2 h", 700, "Wattless/2h", "over 2 hours"),
    ("t2h_plt_l1 t2h_plt_l2 t2h_plt_l3", "1", "float32", "2 h", 1, (790, 792, 794), "", "MFLK1/PhPlt/{}",
     "phase_flicker_plt_ratio", "long-term flicker severity Plt; IEC 61000-4-15"),
    # Energy: exact counters that never decrease. Quadrants as in IEC 62053-23 annex C.
    *[(f"{q}_l1 {q}_l2 {q}_l3 {q}", unit, "uint64", "energy", 1, tuple(range(800 + 16 * k, 816 + 16 * k, 4)), "",
       f"Wattless/{metric}/{{}}|MMTR1/{total}", f"phase_{name}", text)
      for k, (q, unit, metric, total, name, text) in enumerate((
          ("wh_import", "mWh", "DmdWh", "DmdWh", "import_milliwatt_hours", "active energy imported"),
          ("wh_export", "mWh", "SupWh", "SupWh", "export_milliwatt_hours", "active energy exported"),
          ("varh_q1", "mvarh", "VArhQ1", "VArhQ1", "reactive_q1_millivar_hours",
           "fundamental reactive energy, quadrant I"),
          ("varh_q2", "mvarh", "VArhQ2", "VArhQ2", "reactive_q2_millivar_hours",
           "fundamental reactive energy, quadrant II"),
          ("varh_q3", "mvarh", "VArhQ3", "VArhQ3", "reactive_q3_millivar_hours",
           "fundamental reactive energy, quadrant III"),
          ("varh_q4", "mvarh", "VArhQ4", "VArhQ4", "reactive_q4_millivar_hours",
           "fundamental reactive energy, quadrant IV"),
          ("varh_import", "mvarh", "DmdVArh", "DmdVArh", "reactive_import_millivar_hours",
           "fundamental reactive energy imported, varh_q1 + varh_q2"),
          ("varh_export", "mvarh", "SupVArh", "SupVArh", "reactive_export_millivar_hours",
           "fundamental reactive energy exported, varh_q3 + varh_q4"),
          ("vah", "mVAh", "TotVAh", "TotVAh", "apparent_millivolt_ampere_hours",
           "apparent energy, either direction")))],
    # Events.
    *[(id_, unit, kind, "event", 1, (at,), "", "Wattless/Event/" + metric, prometheus, text)
      for id_, unit, kind, at, metric, prometheus, text in (
          ("event_count", "1", "uint32", 950, "Count", "events_total", "entries of the event log since the start"),
          ("dip_count", "1", "uint32", 952, "Dips", "dips_total", "voltage dips; IEC 61000-4-30 5.4"),
          ("swell_count", "1", "uint32", 954, "Swells", "swells_total", "voltage swells; IEC 61000-4-30 5.4"),
          ("interruption_count", "1", "uint32", 956, "Interruptions", "interruptions_total",
           "voltage interruptions; IEC 61000-4-30 5.5"),
          ("rvc_count", "1", "uint32", 958, "RapidVoltageChanges", "rapid_voltage_changes_total",
           "rapid voltage changes; IEC 61000-4-30 5.11"),
          ("event_code", "1", "uint16", 960, "Code", "event_code",
           "newest ended event: 1 dip 2 swell 3 interruption 4 rvc"),
          ("event_channel", "1", "uint16", 961, "Channel", "event_channel",
           "its worst channel: 1 L1, 2 L2, 3 L3, 5 L12, 6 L23"),
          ("event_start_ms", "ms", "uint64", 962, "Start", "event_start_milliseconds",
           "its start, unix time (UTC); all ones = the clock is not set"),
          ("event_duration_ms", "ms", "uint32", 966, "Duration", "event_duration_milliseconds", "its duration"),
          ("event_value", "%", "float32", 968, "Value", "event_value_percent",
           "its residual (dip, interruption), maximum (swell) or largest change (rvc), of the reference voltage"),
          ("wiring_codes", "1", "uint32", 970, "WiringCodes", "wiring_codes",
           "findings of the wiring diagnosis: bit k is code 30 + k; docs/codes.md"))],
)  # fmt: skip

