//go:build gophernotes

// Gophernotes' own files join this one when cmd/kernel builds: the program is
// gophernotes with our packages compiled in.
package main

import (
	"os"
	"time"

	_ "tapenet/notebooks/kernel/bind"
)

// A kernel ends with the program that started it, even one that was killed.
// Jupyter says by this variable that it may.
func init() {
	if os.Getenv("JPY_PARENT_PID") != "" {
		go endAfter(os.Getppid())
	}
}

// endAfter ends this process when another has become its parent.
func endAfter(parent int) {
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	os.Exit(1)
}
