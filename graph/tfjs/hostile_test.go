package tfjs

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"tapenet/graph"
)

// folder holds a model.json and one file of weights.
func folder(model, shard string) fstest.MapFS {
	return fstest.MapFS{"model.json": {Data: []byte(model)}, "w.bin": {Data: []byte(shard)}}
}

// sequential is a model.json of layers, and of weights of w.bin.
func sequential(layers, weights string) string {
	return fmt.Sprintf(`{"modelTopology":{"class_name":"Sequential","config":{"name":"s","layers":[%s]}},"weightsManifest":[{"paths":["w.bin"],"weights":[%s]}]}`, layers, weights)
}

const input = `{"class_name":"InputLayer","config":{"name":"i","batch_input_shape":[null,2,2,1]}}`

// denseOf is a Dense layer's entry and weights.
const (
	denseLayer   = `{"class_name":"Dense","config":{"name":"d","units":2,"batch_input_shape":[null,1],"use_bias":false}}`
	denseWeights = `{"name":"d/kernel","shape":[1,2],"dtype":"float32"}`
)

func TestLoadErrors(t *testing.T) {
	functional := func(layers string) string {
		return `{"modelTopology":{"class_name":"Functional","config":{"layers":[` + layers + `]}}}`
	}
	named := func(name, inbound string) string {
		return fmt.Sprintf(`{"class_name":"Flatten","name":%q,"config":{"name":%[1]q,"batch_input_shape":[null,2]},"inbound_nodes":%s}`, name, inbound)
	}
	eight := "12345678"
	tests := []struct {
		name, model, shard string
		want               string
	}{
		{"empty", "", "", "not a TensorFlow.js model.json"},
		{"text", "hello", "", "not a TensorFlow.js model.json"},
		{"no topology", `{"format":"graph-model"}`, "", "no modelTopology, want a model"},
		{"class", `{"modelTopology":{"class_name":"Subclassed","config":{}}}`, "", `the model's class is "Subclassed"`},
		{"no layers", sequential("", ""), "", "no layers"},
		{"unknown layer", sequential(input+`,{"class_name":"LSTM","config":{"name":"x"}}`, ""), "", `layer "x" (LSTM): the class is not supported`},
		{"no input", sequential(`{"class_name":"Flatten","config":{"name":"f"}}`, ""), "", `layer "f" (Flatten): the input has 0 dimensions`},
		{"huge input", sequential(`{"class_name":"InputLayer","config":{"name":"i","batch_input_shape":[null,1000000,1000000,1]}}`, ""), "", "the input is [0 1000000 1000000 1], want positive dimensions and at most 67108864 values"},
		{"no weight", sequential(denseLayer, ""), "", `layer "d" (Dense): no weight "d/kernel"`},
		{"one too many", sequential(input, denseWeights), eight, `the weight "d/kernel" is of no layer`},
		{"weight's shape", sequential(denseLayer, `{"name":"d/kernel","shape":[2,1],"dtype":"float32"}`), eight, `has the shape [2 1], want [-1 2]`},
		{"cut off", sequential(denseLayer, denseWeights), eight[:7], "7 bytes, want 8 for their shapes"},
		{"too long", sequential(denseLayer, denseWeights), eight + "9", "more than 8 bytes"},
		{"missing file", strings.Replace(sequential(denseLayer, denseWeights), "w.bin", "x.bin", 1), eight, "x.bin"},
		{"other folder", strings.Replace(sequential(denseLayer, denseWeights), "w.bin", "../w.bin", 1), eight, "file does not exist"},
		{"absolute path", strings.Replace(sequential(denseLayer, denseWeights), "w.bin", "/etc/passwd", 1), eight, "file does not exist"},
		{"terabytes", sequential(denseLayer, `{"name":"d/kernel","shape":[1099511627776,2],"dtype":"float32"}`), eight, "a few gigabytes at most"},
		{"product overflows", sequential(denseLayer, `{"name":"d/kernel","shape":[65536,65536,65536,65536],"dtype":"float32"}`), eight, "a few gigabytes at most"},
		{"dimension 0", sequential(denseLayer, `{"name":"d/kernel","shape":[0,2],"dtype":"float32"}`), "", "positive dimensions"},
		{"dtype", sequential(denseLayer, `{"name":"d/kernel","shape":[1,2],"dtype":"string"}`), eight, `dtype "string", want float32 or int32`},
		{"quantised unknown", sequential(denseLayer, `{"name":"d/kernel","shape":[1,2],"dtype":"float32","quantization":{"dtype":"int4"}}`), "1", `quantised as "int4"`},
		{"quantised without scale", sequential(denseLayer, `{"name":"d/kernel","shape":[1,2],"dtype":"float32","quantization":{"dtype":"uint8","min":0}}`), "12", "without min or scale"},
		{"twice", sequential(denseLayer, denseWeights+","+denseWeights), eight + eight, `weight "d/kernel" is there twice`},
		{"three sizes", sequential(input+`,{"class_name":"MaxPooling2D","config":{"name":"p","pool_size":[2,1,2]}}`, ""), "", `layer "p" (MaxPooling2D): size [2,1,2], want numbers in 1..4096`},
		{"huge window", sequential(input+`,{"class_name":"MaxPooling2D","config":{"name":"p","pool_size":99999999}}`, ""), "", "want numbers in 1..4096"},
		{"channels first", sequential(input+`,{"class_name":"MaxPooling2D","config":{"name":"p","data_format":"channels_first"}}`, ""), "", `data_format "channels_first"`},
		{"padding", sequential(input+`,{"class_name":"MaxPooling2D","config":{"name":"p","padding":"causal"}}`, ""), "", `padding "causal", want valid or same`},
		{"negative padding", sequential(input+`,{"class_name":"ZeroPadding2D","config":{"name":"p","padding":-1}}`, ""), "", "padding -1,-1,-1,-1, want 0..4096"},
		{"activation", sequential(input+`,{"class_name":"Activation","config":{"name":"a","activation":"mish"}}`, ""), "", `the activation "mish" is not supported`},
		{"slope", sequential(input+`,{"class_name":"ReLU","config":{"name":"a","max_value":-3}}`, ""), "", "max_value -3 and negative_slope 0, want no negative numbers"},
		{"two inputs", functional(named("a", "[]") + "," + named("b", `[[["a",0,0,{}],["a",0,0,{}]]]`)), "", `layer "b" (Flatten): 2 inputs, want one`},
		{"a branch", functional(named("a", "[]") + "," + named("b", `[[["a",0,0,{}]]]`) + "," + named("c", `[[["a",0,0,{}]]]`)), "", `no layer uses their outputs, want one output`},
		{"a circle", functional(named("a", `[[["b",0,0,{}]]]`) + "," + named("b", `[[["a",0,0,{}]]]`)), "", "want one input"},
		{"apart", functional(named("a", "[]") + "," + named("b", `[[["c",0,0,{}]]]`)), "", `its input "c" is no layer`},
		{"Keras 3's functional", functional(named("a", `[]`) + "," + named("b", `[{"args":[]}]`)), "", "inbound_nodes: a call without a tensor"},
		{"a type", sequential(input+`,{"class_name":"ReLU","config":{"name":"r","threshold":"x"}}`, ""), "", `layer "r" (ReLU): the setting "threshold" is a JSON string`},
		{"used twice", functional(named("a", "[]") + "," + named("b", `[[["a",0,0,{}]],[["a",0,0,{}]]]`)), "", "no layer uses their outputs, want one output, or several"},
		{"use 2", functional(named("a", "[]") + "," + named("b", `[[["a",0,0,{}]],[["b",2,0,{}]]]`)), "", `its input is use 2 of "b", which is not used so often`},
		{"second output", functional(named("a", "[]") + "," + named("b", `[[["a",0,1,{}]]]`)), "", `output 1 of "a", want 0`},
		{"two of a name", functional(named("a", "[]") + "," + named("a", `[[["a",0,0,{}]]]`)), "", "the name is there twice"},
		{"two of no input", functional(named("a", "[]") + "," + named("b", "[]")), "", "want one input"},
		{"a circle behind", functional(named("a", "[]") + "," + named("d", `[[["a",0,0,{}],["c",0,0,{}]]]`) + "," + named("b", `[[["c",0,0,{}]]]`) + "," + named("c", `[[["b",0,0,{}]]]`)), "", "form a circle"},
		{"nested without end", sequential(strings.Repeat(`{"class_name":"Sequential","config":[`, 100)+strings.Repeat("]}", 100), ""), "", "more than 16 networks in each other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Load(folder(tt.model, tt.shard), "model.json")
			if err == nil || !strings.HasPrefix(err.Error(), "tfjs: model.json: ") || !strings.Contains(err.Error(), tt.want) || m != nil {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestBuildErrors: what only the shapes of a graph show.
func TestBuildErrors(t *testing.T) {
	norm := `{"class_name":"BatchNormalization","config":{"name":"n","axis":%s,"scale":false,"center":false}}`
	statistics := `{"name":"n/moving_mean","shape":[1],"dtype":"float32"},{"name":"n/moving_variance","shape":[1],"dtype":"float32"}`
	wide := `{"class_name":"InputLayer","config":{"name":"i","batch_input_shape":[null,2,2,3]}}`
	flat := `{"class_name":"Flatten","config":{"name":"f"}}`
	tests := []struct {
		name, layers, weights string
		want                  string
	}{
		{"Dense of other vectors", input + `,{"class_name":"Flatten","config":{"name":"f"}},` + denseLayer, denseWeights, "input (1, 4), want vectors of 1"},
		{"channels", wide + "," + denseLayer, denseWeights, "want images of 1 channels"},
		{"axis", input + "," + fmt.Sprintf(norm, "1"), statistics, "axis [1], want the last one"},
		{"norm of others", wide + "," + fmt.Sprintf(norm, "[3]"), statistics, "want 1 channels"},
		{"softmax of images", input + `,{"class_name":"Softmax","config":{"name":"s"}},` + flat, "", "softmax of (1, 1, 2, 2) inside the network"},
		{"reshape", input + `,{"class_name":"Reshape","config":{"name":"r","target_shape":[3]}}`, "", `layer "r" (Reshape): target_shape [3] of (1, 1, 2, 2): want 4 elements`},
		{"scales", wide + `,{"class_name":"Rescaling","config":{"name":"r","scale":[1,2]}}`, "", `layer "r" (Rescaling): 2 numbers for an input`},
		{"softmax of columns", input + `,{"class_name":"Softmax","config":{"name":"s","axis":1}}`, "", "want the last one"},
		{"padding of vectors", input + "," + flat + `,{"class_name":"ZeroPadding2D","config":{"name":"z"}}`, "", "want images"},
		{"paddings", input + strings.Repeat(`,{"class_name":"ZeroPadding2D","config":{"name":"z","padding":4000}}`, 2), "", "more than 16777216 values"},
		{"large windows", `{"class_name":"InputLayer","config":{"name":"i","batch_input_shape":[null,1024,1024,1]}},{"class_name":"MaxPooling2D","config":{"name":"p","pool_size":512,"strides":1}}`, "",
			`layer "p" (MaxPooling2D): 68988174336 pixels of all windows of poolings a sample so far, want at most 8589934592`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Load(folder(sequential(tt.layers, tt.weights), strings.Repeat("\x00", 4*2)), "model.json")
			if err != nil && strings.Contains(err.Error(), "more than") { // no weights
				m, err = Load(folder(sequential(tt.layers, tt.weights), ""), "model.json")
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := graph.NewNetwork(m, m.Input, graph.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestSmallFileSmallMemory: shapes alone take nothing.
func TestSmallFileSmallMemory(t *testing.T) {
	model := sequential(denseLayer, `{"name":"d/kernel","shape":[250000000,2],"dtype":"float32"}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Load(folder(model, "12345678"), "model.json")
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "8 bytes, want 2000000000") {
		t.Errorf("error %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes", took)
	}
}

// TestOldList: a Sequential's config may be the list of its layers, below
// model_config as Python writes it.
func TestOldList(t *testing.T) {
	m, err := Load(folder(`{"modelTopology":{"keras_version":"2","model_config":{"class_name":"Sequential","config":[`+denseLayer+`]}},
		"weightsManifest":[{"paths":["w.bin"],"weights":[`+denseWeights+`]}]}`, "\x00\x00\x80\x3f\x00\x00\x00\x40"), "model.json")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "result", predict(t, m, nil, m.Input, false, []float32{3}), []float32{3, 6})
}

// FuzzLoad reads, builds and runs whatever comes. Nothing may panic, or take
// more than its bounds.
func FuzzLoad(f *testing.F) {
	for _, name := range models {
		dir := "testdata/" + name
		model, err := os.ReadFile(dir + "/model.json")
		if err != nil {
			f.Fatal(err)
		}
		var parsed file
		if err := json.Unmarshal(model, &parsed); err != nil {
			f.Fatal(err)
		}
		var shard []byte
		for _, p := range parsed.Manifest[0].Paths {
			b, err := os.ReadFile(dir + "/" + p)
			if err != nil {
				f.Fatal(err)
			}
			shard = append(shard, b...)
			model = []byte(strings.Replace(string(model), `"`+p+`",`, "", 1))
			model = []byte(strings.Replace(string(model), `"`+p+`"`, `"w.bin"`, 1))
		}
		f.Add(string(model), string(shard))
	}
	f.Fuzz(func(t *testing.T, model, shard string) {
		m, err := Load(folder(model, shard), "model.json")
		if err != nil {
			return
		}
		size := 1
		for _, d := range m.Input {
			size *= d
		}
		if size > 1<<12 {
			return
		}
		g, err := graph.Options{Loss: graph.MSE{}}.Build(m, graph.Infer, append([]int{1}, m.Input...)...)
		if err != nil || g.Memory().Total() > 1<<20 {
			return
		}
		if err := g.Run(); err != nil {
			t.Errorf("a model that was built does not run: %v", err)
		}
	})
}
