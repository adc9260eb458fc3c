//! For tests only: starts the real programs, waits with deadlines, kills, counts requests.
