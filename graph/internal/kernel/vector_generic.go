//go:build !amd64 || noasm

package kernel

// vectors are never called in this build: its only tier is tierGo.
var vectors vectorFuncs
