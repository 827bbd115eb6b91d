// Command label serves a page that sorts a folder of pictures into classes, takes
// pictures from a camera, trains on them and shows what the network sees.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/label"
	"tapenet/cmd/internal/train"
)

func main() { cli.Main(label.Command, train.Command) } // which label starts
