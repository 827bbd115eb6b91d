// Command train trains a network of the zoo and leaves a folder with the model,
// a checkpoint, its history and its curves. Without flags it trains the CNN on
// MNIST, which needs no download beyond Go modules.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/train"
)

func main() { cli.Main(train.Command) }
