package deploy

import (
	"bytes"
	"os"
	"slices"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// manifest is kubernetes.yaml.
type manifest struct {
	deployment apps.Deployment
	service    core.Service
	budget     policy.PodDisruptionBudget
}

// decode reads a file of YAML documents, one for each value. Every field has to be one
// of the value's type.
func decode(t *testing.T, file string, values ...any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	documents := bytes.Split(text, []byte("\n---\n"))
	if len(documents) != len(values) {
		t.Fatalf("%s: %d documents, want %d", file, len(documents), len(values))
	}
	for i, v := range values {
		if err := yaml.UnmarshalStrict(documents[i], v); err != nil {
			t.Fatalf("%s, document %d: %v", file, i+1, err)
		}
	}
}

func kubernetes(t *testing.T) (m manifest) {
	t.Helper()
	decode(t, "kubernetes.yaml", &m.deployment, &m.service, &m.budget)
	return m
}

// TestKubernetes: the manifest decodes strictly into Kubernetes's own types, and its
// parts name each other.
func TestKubernetes(t *testing.T) {
	m := kubernetes(t)
	for i, v := range []struct{ got, want meta.TypeMeta }{
		{m.deployment.TypeMeta, meta.TypeMeta{Kind: "Deployment", APIVersion: apps.SchemeGroupVersion.String()}},
		{m.service.TypeMeta, meta.TypeMeta{Kind: "Service", APIVersion: core.SchemeGroupVersion.String()}},
		{m.budget.TypeMeta, meta.TypeMeta{Kind: "PodDisruptionBudget", APIVersion: policy.SchemeGroupVersion.String()}},
	} {
		if v.got != v.want {
			t.Errorf("document %d is %v, want %v", i+1, v.got, v.want)
		}
	}
	template := m.deployment.Spec.Template
	for what, selector := range map[string]map[string]string{
		"deployment": m.deployment.Spec.Selector.MatchLabels, "service": m.service.Spec.Selector, "budget": m.budget.Spec.Selector.MatchLabels,
		"spread": template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels,
	} {
		for key, value := range selector {
			if template.Labels[key] != value {
				t.Errorf("%s selects %s=%s, the pods have %v", what, key, value, template.Labels)
			}
		}
		if len(selector) == 0 {
			t.Errorf("%s selects nothing", what)
		}
	}
	if least := m.budget.Spec.MinAvailable; least == nil || least.IntValue() >= int(*m.deployment.Spec.Replicas) {
		t.Errorf("%v of %d have to be available: no node could be drained", least, *m.deployment.Spec.Replicas)
	}
	c := template.Spec.Containers[0]
	for _, p := range m.service.Spec.Ports {
		wantPort(t, c, p.TargetPort)
	}
	for _, mount := range c.VolumeMounts {
		if !slices.ContainsFunc(template.Spec.Volumes, func(v core.Volume) bool { return v.Name == mount.Name }) {
			t.Errorf("no volume %s", mount.Name)
		}
	}
	if p := template.Spec.SecurityContext; !*p.RunAsNonRoot || p.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the pod's security %+v", p)
	}
	wantContained(t, c)
}

// wantPort wants a port of a container's.
func wantPort(t *testing.T, c core.Container, port intstr.IntOrString) {
	t.Helper()
	if !slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool {
		return port.StrVal != "" && p.Name == port.StrVal || p.ContainerPort == port.IntVal
	}) {
		t.Errorf("no port %s in the container", port.String())
	}
}

// wantContained wants bounds, probes and no rights.
func wantContained(t *testing.T, c core.Container) {
	t.Helper()
	s := c.SecurityContext
	if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
		t.Errorf("the container's security %+v", s)
	}
	if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Memory().Cmp(*c.Resources.Limits.Memory()) != 0 {
		t.Errorf("resources %+v", c.Resources)
	}
	for _, p := range []*core.Probe{c.LivenessProbe, c.ReadinessProbe} {
		wantPort(t, c, p.HTTPGet.Port)
	}
}

// servingRuntime is as much of KServe's type as is checked: the container. The fields
// of KServe's own are of any kind.
type servingRuntime struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Containers            []core.Container  `json:"containers"`
		Annotations           map[string]string `json:"annotations"`
		SupportedModelFormats any               `json:"supportedModelFormats"`
		ProtocolVersions      any               `json:"protocolVersions"`
	} `json:"spec"`
}

// TestKServe checks the container of the runtime. It does not check what is KServe's.
func TestKServe(t *testing.T) {
	var r servingRuntime
	decode(t, "kserve.yaml", &r)
	if len(r.Spec.Containers) != 1 || r.Spec.Containers[0].Name != "kserve-container" {
		t.Fatalf("containers %+v, want kserve-container", r.Spec.Containers)
	}
	wantContained(t, r.Spec.Containers[0])
}

// TestStrict: the decoder refuses what the types do not have.
func TestStrict(t *testing.T) {
	for _, text := range []string{"spec: {replica: 2}", "spec: {template: {spec: {containers: [{image: x, comand: []}]}}}", "kind: x\nkind: y"} {
		if err := yaml.UnmarshalStrict([]byte(text), new(apps.Deployment)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
