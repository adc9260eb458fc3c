"""Settings that calls fall back on; programs may assign to them, as with oss2."""

from __future__ import annotations

from typing import Any


def get(value: Any, default_value: Any) -> Any:
    """`value`, or the default if it is None."""
    return default_value if value is None else value


#: Seconds to connect, and that a request may stand still.
connect_timeout = 60
#: How often an iterator asks for a page that failed with 5xx.
request_retries = 3
#: Files of at least this many bytes travel in parts.
multipart_threshold = 10 * 1024 * 1024
#: Parts on their way at once, by default.
multipart_num_threads = 1
#: Bytes of a part, by default.
part_size = 10 * 1024 * 1024
max_part_count = 10000
min_part_size = 100 * 1024
#: Kept connections of a `Session`.
connection_pool_size = 10
#: Objects of at least this many bytes are fetched in ranges.
multiget_threshold = 100 * 1024 * 1024
multiget_num_threads = 4
multiget_part_size = 10 * 1024 * 1024
