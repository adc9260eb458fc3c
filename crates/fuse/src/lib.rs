//! The FUSE kernel protocol: sessions, requests, replies, notifications, hand-over. No file system.
