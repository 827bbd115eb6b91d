//go:build !amd64 || noasm

package pixel

// loops are never called in this build: its only tier is plain Go.
var loops loopFuncs
