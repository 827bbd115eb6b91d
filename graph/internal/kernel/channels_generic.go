//go:build !amd64 || noasm

package kernel

// channelLoops are never called in this build: its only tier is tierGo.
var channelLoops channelFuncs
