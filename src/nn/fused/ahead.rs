/*!
Compiling candle's kernels before they are needed, all at once.

candle ships its kernels as PTX, a module for each kind of operation, and loads a module under a lock
when it first needs it; on a machine that has not seen them the driver then compiles one after the
other, more than 20 seconds in all. Compiled side by side they land in the driver's cache on disk,
where candle finds them.
*/

use std::sync::Once;
use std::thread;

use candle_core::Device;
use candle_core::cuda_backend::kernels::{
    AFFINE, BINARY, CAST, FILL, INDEXING, Module, REDUCE, TERNARY, UNARY,
};

/// What the networks here use, each with one of its kernels: a module is compiled when the first of
/// its kernels is asked for.
const USED: [(Module, &str); 8] = [
    (AFFINE, "affine_f32"),
    (BINARY, "badd_f32"),
    (CAST, "cast_f32_f32"),
    (FILL, "fill_f32"),
    (INDEXING, "is_u32_f32"),
    (REDUCE, "softmax_f32"),
    (TERNARY, "where_u8_f32"),
    (UNARY, "uexp_f32"),
];

/// Has the driver compile what the networks use, once a process. That a module cannot be compiled
/// shows when it is used.
pub(in crate::nn) fn compile_ahead(device: &Device) {
    static ONCE: Once = Once::new();
    let Device::Cuda(device) = device else { return };
    ONCE.call_once(|| {
        let context = device.cuda_stream().context().clone();
        thread::scope(|scope| {
            for (module, kernel) in &USED {
                let load = || context.load_module(module.ptx().into())?.load_function(kernel);
                scope.spawn(move || drop(load()));
            }
        });
    });
}
