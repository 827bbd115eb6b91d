package modelzoo

import (
	"gorgonia.org/gorgonia"

	"tapenet/graph"
	"tapenet/graph/op"
)

// MLPMixer is the network of Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP
// Architecture for Vision": the image is cut into blocks, the tokens, and dense
// layers mix by turns the tokens of a channel and the channels of a token. It is
// the paper's S scaled for small images: blocks of 4×4 for 16×16 pixels, a
// quarter of the width (128 channels, 64 and 512 hidden units) and half the
// depth (4 layers). For 32×32 colour images and 10 classes it has 569,994
// parameters. Height and width must be multiples of 4.
type MLPMixer struct {
	Classes int
	Width   float64 // factor for the channels and the hidden units, 0.1 to 4; 0 means 1
}

// Build adds the network to s.
func (m MLPMixer) Build(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	c := newScale(s, m.Width).units(128, 2)
	return s.Apply(graph.Sequential{
		graph.Patches{Size: 4},                                                 // (N,64,48)
		graph.Dense{Units: c},                                                  // (N,64,128)
		mixing(c/2, 4*c), mixing(c/2, 4*c), mixing(c/2, 4*c), mixing(c/2, 4*c), // (N,64,128)
		graph.LayerNorm{},             // (N,64,128)
		graph.LayerFunc(tokenMean),    // (N,128)
		graph.Dense{Units: m.Classes}, // (N,classes)
	}, x)
}

// mixing is one layer of the mixer. It keeps the shape (N,tokens,channels).
func mixing(tokenUnits, channelUnits int) graph.Layer {
	return graph.Sequential{
		graph.Residual{Body: graph.Sequential{graph.LayerNorm{}, graph.Transpose{}, mixingMLP(tokenUnits), graph.Transpose{}}},
		graph.Residual{Body: graph.Sequential{graph.LayerNorm{}, mixingMLP(channelUnits)}},
	}
}

// mixingMLP has one hidden layer, and as many outputs as inputs.
func mixingMLP(hidden int) graph.Layer {
	return graph.LayerFunc(func(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
		return s.Apply(graph.Sequential{
			graph.Dense{Units: hidden, Activation: graph.GELU},
			graph.Dense{Units: x.Shape()[2]},
		}, x)
	})
}

// tokenMean makes (N,tokens,channels) the mean of the tokens, (N,channels).
func tokenMean(s *graph.Scope, x *gorgonia.Node) *gorgonia.Node {
	in := x.Shape()
	x = s.Apply(graph.Transpose{}, x) // (N,channels,tokens)
	x = s.Sub("image").Node(op.Reshape(x, in[0], in[2], in[1], 1))
	return s.Apply(graph.GlobalAvgPool2D{}, x)
}
