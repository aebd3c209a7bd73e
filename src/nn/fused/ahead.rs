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

/// What the networks here use.
const USED: [Module; 8] = [AFFINE, BINARY, CAST, FILL, INDEXING, REDUCE, TERNARY, UNARY];

/// Has the driver compile what the networks use, once a process. That a module cannot be compiled
/// shows when it is used.
pub(in crate::nn) fn compile_ahead(device: &Device) {
    static ONCE: Once = Once::new();
    let Device::Cuda(device) = device else { return };
    ONCE.call_once(|| {
        let context = device.cuda_stream().context().clone();
        thread::scope(|scope| {
            for module in &USED {
                let context = &context;
                scope.spawn(move || drop(context.load_module(module.ptx().into())));
            }
        });
    });
}
