"""One command that tells whether a GPU does what the CPU's tests say: ``make gpu-check``, docs/gpu.md."""
