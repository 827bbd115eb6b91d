// Package mpi makes the processes that an MPI launcher started into one group
// that trains together, without cgo:
//
//	mpirun -n 4 train -model resnet20
//
// The package opens the MPI library of the machine while the program runs: Open
// MPI, MPICH and its relatives, or one with the standard ABI of MPI-5. That needs
// the build tag mpi, on Linux and on amd64 or arm64. A program that is built
// without the tag stays static, and [Join] refuses to start as one of several.
// The README beside this file says how the library is found and what goes wrong.
package mpi
