//go:build !amd64 || noasm

package vector

// vectors is empty and never called in this build: its only tier is plain Go, for which
// head and cpu.Float32s hand no elements to the assembly.
var vectors vectorFuncs
