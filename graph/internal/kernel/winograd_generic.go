//go:build !amd64 || noasm

package kernel

// winogradLoops are never called in this build: its only tier is tierGo.
var winogradLoops winogradFuncs
