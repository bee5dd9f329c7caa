//! Real libraries in a real program: the fixture workspace is built once, and each test runs the program
//! through one scenario and compares what it told.

mod codes;
mod fixture;
mod loading;
mod memory;
mod panics;
mod refusals;
mod statics;
mod telemetry;
