//! demo
pub(crate) fn run(_interactive: bool) -> anyhow::Result<()> {
    Ok(())
}
