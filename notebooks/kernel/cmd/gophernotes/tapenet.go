//go:build gophernotes

// Gophernotes' own files join this one when cmd/kernel builds: the program is
// gophernotes with our packages compiled in.
package main

import _ "tapenet/notebooks/kernel/bind"
