"""Event codes of MagAO-X's records, their names, and the fields of their bodies.

Codes, names, fields and their order are those of magao-x/MagAOX (libMagAOX/logger: logCodes.dat and the schemas,
October 2024), with the two fields that telem_observer has gained since. Schemas only ever grow at their end, so
that older and newer records are read by the same list. Event and field names are those that `logdump -J` prints.
"""

from __future__ import annotations

import functools
from typing import Any

from converters.telemetry.flatbuffer import Field, Schema, read_root, scalar, string, table, vector

CODE_BY_EVENT = {
    "git_state": 0,
    "text_log": 10,
    "user_log": 12,
    "state_change": 20,
    "software_log": 50,
    "config_log": 60,
    "indidriver_start": 140,
    "indidriver_stop": 141,
    "loop_closed": 1001,
    "loop_paused": 1002,
    "loop_open": 1003,
    "observer": 1050,
    "pico_channel": 11025,
    "outlet_state": 12001,
    "outlet_channel_state": 12002,
    "telem_saving_state": 12053,
    "telem_fxngen": 12100,
    "saving_start": 12500,
    "saving_stop": 12501,
    "telem_saving": 12502,
    "telem_telpos": 20000,
    "telem_teldata": 20001,
    "telem_telvane": 20002,
    "telem_telenv": 20003,
    "telem_telcat": 20004,
    "telem_telsee": 20005,
    "telem_stage": 20050,
    "telem_zaber": 20055,
    "telem_pico": 20060,
    "telem_position": 20065,
    "telem_observer": 20070,
    "telem_rhusb": 20100,
    "telem_temps": 20250,
    "telem_stdcam": 20260,
    "telem_cooler": 20850,
    "telem_dmspeck": 20890,
    "telem_fgtimings": 20905,
    "telem_dmmodes": 20910,
    "telem_loopgain": 20915,
    "telem_blockgains": 20920,
}
"""Every event whose body can be read. Of others there are code, time and length."""

EVENT_BY_CODE = {code: event for event, code in CODE_BY_EVENT.items()}

PRIORITIES = {
    0: "EMER",
    1: "ALRT",
    2: "CRIT",
    3: "ERR",
    4: "WARN",
    5: "NOTE",
    6: "INFO",
    7: "DBG",
    8: "DBG2",
    64: "TELM",
}
"""Priorities of records; telemetry is 64."""

_ROI = "xcen:f ycen:f w:i h:i xbin:i ybin:i"
_TEMP_CTRL = "temp:f setpt:f status:? ontarget:? statusStr:s"
_SHUTTER = "statusStr:s state:i"
_SAVING_STATE = "state:h frameNo:Q"
_GAINS = "gains:[f] gains_constant:[B] mcs:[f] mcs_constant:[B] lims:[f] lims_constant:[B]"
_TELSEE = (
    "dimm_time:i dimm_el:d dimm_fwhm_corr:d dimm_fwhm_bad:d"
    " mag1_time:i mag1_el:d mag1_fwhm:d mag1_fwhm_corr:d mag2_time:i mag2_el:d mag2_fwhm:d mag2_fwhm_corr:d"
)
_FXNGEN = (
    "C1outp:B C1freq:d C1vpp:d C1ofst:d C1phse:d C1wvtp:B C2outp:B C2freq:d C2vpp:d C2ofst:d C2phse:d C2wvtp:B"
    " C1sync:B C2sync:B C1wdth:d C2wdth:d"
)
_FIELDS = {
    "git_state": "repo:s sha1:s modified:B",
    "text_log": "message:s",
    "user_log": "email:s message:s",
    "state_change": "from:h to:h",
    "software_log": "file:s line:I errnoCode:i otherCode:i explanation:s",
    "config_log": "name:s code:I value:s source:s",
    "indidriver_start": "",
    "indidriver_stop": "",
    "loop_closed": "",
    "loop_paused": "",
    "loop_open": "",
    "observer": "fullName:s pfoa:s email:s institution:s",
    "pico_channel": "name:s channel:B",
    "outlet_state": "outlet:B state:B",
    "outlet_channel_state": "channel:s state:B",
    "telem_saving_state": _SAVING_STATE,
    "telem_fxngen": _FXNGEN,
    "saving_start": _SAVING_STATE,
    "saving_stop": _SAVING_STATE,
    "telem_saving": "rawSize:I compressedSize:I encode_rate:f difference_rate:f reorder_rate:f compress_rate:f",
    "telem_telpos": "epoch:d ra:d dec:d el:d ha:d am:d rotoff:d",
    "telem_teldata": "roi:i tracking:i guiding:i slewing:i guiderMoving:i az:d zd:d pa:d domeAz:d domeStat:i",
    "telem_telvane": "secz:d encz:d secx:d encx:d secy:d ency:d sech:d ench:d secv:d encv:d",
    "telem_telenv": "tempout:d pressure:d humidity:d wind:d winddir:d temptruss:d tempcell:d tempseccell:d tempamb:d"
    " dewpoint:d",
    "telem_telcat": "catObj:s catRm:s catRa:d catDec:d catEp:d catRo:d",
    "telem_telsee": _TELSEE,
    "telem_stage": "moving:b preset:f presetName:s",
    "telem_zaber": "pos:f rawPos:f temp:f",
    "telem_pico": "counts:[q]",
    "telem_position": "pos:f",
    "telem_observer": "email:s obsName:s observing:? tgt_name:s operator_email:s",
    "telem_rhusb": "temp:f rh:f",
    "telem_temps": "temps:[f]",
    "telem_stdcam": "mode:s roi:{roi} exptime:f fps:f emGain:f adcSpeed:f tempCtrl:{temp} shutter:{shutter} synchro:B"
    " vshift:f cropMode:b=-1",
    "telem_cooler": "liquidTemp:f flowRate:f pumpLevel:B pumpSpeed:H fanLevel:B fanSpeed:H",
    "telem_dmspeck": "modulating:? trigger:? frequency:f separations:[f] angles:[f] amplitudes:[f] crosses:[?]",
    "telem_fgtimings": "atime:d atime_jitter:d wtime:d wtime_jitter:d wmatime:d wmatime_jitter:d",
    "telem_dmmodes": "amps:[f]",
    "telem_loopgain": "state:B gain:f multcoef:f limit:f",
    "telem_blockgains": _GAINS,
}
"""``name:type`` in the order of the slots. Types are those of `struct`; s a string, [x] a vector, {x} a table."""

_TABLES = {"{roi}": _ROI, "{temp}": _TEMP_CTRL, "{shutter}": _SHUTTER}


def decode(code: int, body: bytes) -> dict[str, Any] | None:
    """Return the fields of a record's body, by name; None for an event whose fields are not known.

    An absent number or truth value is the default of its schema (0, False), as the writer meant it: it does not
    store defaults. An absent string is None (an older record, or never set), an absent vector or table too.

    Raises
    ------
    Malformed
        The body is no such table.
    """
    event = EVENT_BY_CODE.get(code)
    if event is None:
        return None
    schema = schema_of(event)
    return read_root(body, schema) if schema else {}


@functools.cache
def schema_of(event: str) -> Schema:
    """Return the fields of an event's body."""
    return _compiled(_FIELDS[event])


def _compiled(fields: str) -> Schema:
    return tuple(_field(*field.split(":")) for field in fields.split())


def _field(name: str, form: str) -> Field:
    if form == "s":
        return Field(name, form, string)
    if form.startswith("["):
        return Field(name, form, vector(form[1:-1]))
    if form.startswith("{"):
        fields = _compiled(_TABLES[form])
        return Field(name, "{}", table(fields), fields=fields)
    form, _, default = form.partition("=")
    absent = {"?": False, "f": 0.0, "d": 0.0}.get(form, int(default or 0))
    return Field(name, form, scalar(form), absent)
