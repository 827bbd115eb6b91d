// Command serve answers HTTP and gRPC requests with trained networks.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/serve"
)

func main() { cli.Main(serve.Command) }
