//go:build !amd64 || noasm

package pixel

// loops are empty in this build: its only tier is plain Go.
func loops() *loopFuncs { return &none }

var none loopFuncs
