//! A future that is not `Send`, where nobody said that it need not be.

use hot_abi::{hot_entry, hot_fn};
use std::rc::Rc;

hot_entry!();

#[hot_fn]
async fn counted(count: Rc<u32>) -> u32 {
    std::future::ready(()).await;
    *count
}

fn main() {}
