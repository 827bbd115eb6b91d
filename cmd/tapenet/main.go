// Command tapenet is all commands in one program: tapenet train, tapenet infer, and so on.
// Without arguments it lists them.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/tapenet"
)

func main() { cli.Main(tapenet.Command, tapenet.Commands()...) }
