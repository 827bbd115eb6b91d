// Command infer says what a trained network sees in pictures, or measures it
// on a dataset.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/infer"
)

func main() { cli.Main(infer.Command) }
