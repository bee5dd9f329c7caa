//! Platforms where it is not known who called.

pub(super) fn is_called_by_own_module(_: *const u8) -> bool {
    true
}
