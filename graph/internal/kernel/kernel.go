// Package kernel holds the arithmetic of the graph's operations. The small ones are
// here, convolutions in room conv. The loops that they consist of have rooms of
// their own: cpu, vector, gemm and pixel.
//
// Every loop is plain Go; beside some of them stands assembly for amd64, generated
// with avo and chosen at run time (see cpu.Tier). The build tag noasm leaves plain
// Go only. Kernels trust their arguments: the operation that calls one has checked
// the shapes. Functions are safe for concurrent use. A kernel with Forward and
// Backward keeps what the one leaves for the other: it serves one goroutine at a
// time. Neither allocates after warm-up.
//
// The method Bytes of a kernel tells how much memory it keeps: what it has allocated
// up to now, without the slices that it was handed. It must not overlap with a run.
package kernel
