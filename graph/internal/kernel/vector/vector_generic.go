//go:build !amd64 || noasm

package vector

// vectors are never called in this build: its only tier is plain Go.
var vectors vectorFuncs
