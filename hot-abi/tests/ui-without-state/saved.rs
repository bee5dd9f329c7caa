//! Fields that are saved as copies, without the feature that can.

hot_abi::hot_entry!();

#[derive(hot_abi::HotState, Default)]
struct Saved {
    name: String,
}

#[derive(hot_abi::HotState, Default)]
struct Handed {
    #[hot(hand_over)]
    socket: Vec<u8>,
    #[hot(skip)]
    hits: u32,
}

fn main() {}
