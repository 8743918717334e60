// All kernels of the product as the emulator compiles them: a line for each source, and one for each kernel.
