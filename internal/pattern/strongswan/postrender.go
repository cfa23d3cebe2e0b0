package strongswan

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// secretsFile is the entry of the chart's ConfigMap that holds the pre-shared key in clear text, and the entry of our
// Secret that takes its place.
const secretsFile = "ipsec.secrets"

// keyMove takes the pre-shared key out of what IBM's chart renders: the ConfigMap loses its entry, and every pod that
// mounts the ConfigMap finds the entry of a Secret of ours at the same path. The chart is given a placeholder for a key,
// so that the key is in nothing that Helm sees.
type keyMove struct {
	// secret is the name of our Secret in the release's namespace.
	secret string
	// placeholder is what the chart got as preshared.secret.
	placeholder string
	// annotations are put on the VPN's pods. One that changes with the key restarts them.
	annotations map[string]string
}

// unexpectedChart is a chart that does not render what IBM's does, so that the key cannot be kept out of the cluster's
// ConfigMaps.
type unexpectedChart struct{ why string }

func (e *unexpectedChart) Error() string {
	return "the pre-shared key cannot be moved into a Secret: " + e.why
}

func unexpected(format string, arguments ...any) error {
	return &unexpectedChart{why: fmt.Sprintf(format, arguments...)}
}

// document is one object of a manifest.
type document map[string]any

func (d document) kind() string { return textAt(d, "kind") }
func (d document) name() string { return textAt(d, "metadata", "name") }

// postRender is the [helm.PostRender] that moves the key. Its error is an *unexpectedChart.
func (k keyMove) postRender(manifest []byte) ([]byte, error) {
	documents, err := parseManifest(manifest)
	if err != nil {
		return nil, err
	}
	config, err := configOf(documents)
	if err != nil {
		return nil, err
	}
	delete(tableAt(config, "data"), secretsFile)
	served := false
	for _, d := range documents {
		mounted, err := k.remount(d, config.name())
		if err != nil {
			return nil, err
		}
		served = served || mounted && d.kind() == "Deployment"
	}
	if !served {
		return nil, unexpected("no Deployment mounts ConfigMap %s", config.name())
	}
	var out strings.Builder
	for _, d := range documents {
		text, err := yaml.Marshal(d)
		if err != nil {
			return nil, unexpected("%s %s cannot be written again", d.kind(), d.name())
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	if k.placeholder != "" && strings.Contains(out.String(), k.placeholder) {
		return nil, unexpected("the chart uses the key elsewhere than in the entry %s of its ConfigMap", secretsFile)
	}
	return []byte(out.String()), nil
}

func parseManifest(manifest []byte) ([]document, error) {
	var out []document
	for _, text := range helm.Documents(string(manifest)) {
		var d document
		if err := yaml.Unmarshal([]byte(text), &d); err != nil {
			return nil, unexpected("a document of its manifest is no YAML")
		}
		if len(d) > 0 {
			out = append(out, d)
		}
	}
	return out, nil
}

// configOf finds the one ConfigMap with the key.
func configOf(documents []document) (document, error) {
	var found document
	for _, d := range documents {
		if _, has := tableAt(d, "data")[secretsFile]; !has || d.kind() != "ConfigMap" {
			continue
		}
		if found != nil {
			return nil, unexpected("ConfigMaps %s and %s both have an entry %s", found.name(), d.name(), secretsFile)
		}
		found = d
	}
	if found == nil {
		return nil, unexpected("no ConfigMap has an entry %s", secretsFile)
	}
	return found, nil
}

// remount lets the pods of a workload find the key in our Secret. It says whether they mount the ConfigMap at all.
func (k keyMove) remount(d document, config string) (mounted bool, err error) {
	template := tableAt(d, "spec", "template")
	pod := tableAt(template, "spec")
	if pod == nil {
		return false, nil
	}
	if err := noEnvironment(d, pod, config); err != nil {
		return false, err
	}
	volumes, _ := pod["volumes"].([]any)
	for _, entry := range volumes {
		volume, _ := entry.(map[string]any)
		if projected := tableAt(volume, "projected"); projected != nil && mentions(projected, config) {
			return false, unexpected("%s %s mounts ConfigMap %s in a projected volume already", d.kind(), d.name(), config)
		}
		source := tableAt(volume, "configMap")
		if source == nil || source["name"] != config {
			continue
		}
		k.project(volume, source)
		mounted = true
	}
	if mounted {
		k.annotate(template)
	}
	return mounted, nil
}

// project makes one volume of the ConfigMap and our Secret. It has the name of the ConfigMap's, so that every mount of
// it, whole or of one file, stays as it is.
func (k keyMove) project(volume, source map[string]any) {
	rest := map[string]any{"name": source["name"]}
	key := map[string]any{"key": secretsFile, "path": secretsFile}
	if items, chosen := source["items"].([]any); chosen {
		var others []any
		for _, entry := range items {
			if item, _ := entry.(map[string]any); item["key"] == secretsFile {
				key = item
				continue
			}
			others = append(others, entry)
		}
		rest["items"] = others
	}
	if optional, said := source["optional"]; said {
		rest["optional"] = optional
	}
	projected := map[string]any{"sources": []any{
		map[string]any{"configMap": rest},
		map[string]any{"secret": map[string]any{"name": k.secret, "items": []any{key}}},
	}}
	if mode, said := source["defaultMode"]; said {
		projected["defaultMode"] = mode
	}
	delete(volume, "configMap")
	volume["projected"] = projected
}

func (k keyMove) annotate(template map[string]any) {
	if len(k.annotations) == 0 {
		return
	}
	metadata := tableAt(template, "metadata")
	if metadata == nil {
		metadata = map[string]any{}
		template["metadata"] = metadata
	}
	annotations := tableAt(metadata, "annotations")
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	for name, value := range k.annotations {
		annotations[name] = value
	}
}

// noEnvironment refuses containers that take the ConfigMap into their environment: they would lose the key.
func noEnvironment(d document, pod map[string]any, config string) error {
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := pod[list].([]any)
		for _, entry := range containers {
			container, _ := entry.(map[string]any)
			from, _ := container["envFrom"].([]any)
			for _, source := range from {
				if one, _ := source.(map[string]any); tableAt(one, "configMapRef")["name"] == config {
					return unexpected("%s %s has the ConfigMap %s as its environment", d.kind(), d.name(), config)
				}
			}
			variables, _ := container["env"].([]any)
			for _, variable := range variables {
				one, _ := variable.(map[string]any)
				if at := tableAt(one, "valueFrom", "configMapKeyRef"); at["name"] == config && at["key"] == secretsFile {
					return unexpected("%s %s has the key in its environment", d.kind(), d.name())
				}
			}
		}
	}
	return nil
}

// mentions says that the sources of a projected volume have the ConfigMap.
func mentions(projected map[string]any, config string) bool {
	sources, _ := projected["sources"].([]any)
	for _, entry := range sources {
		if source, _ := entry.(map[string]any); tableAt(source, "configMap")["name"] == config {
			return true
		}
	}
	return false
}

// secretsText is the entry with the key as the chart renders it, with the placeholder in it.
func secretsText(manifest []byte) (string, error) {
	documents, err := parseManifest(manifest)
	if err != nil {
		return "", err
	}
	config, err := configOf(documents)
	if err != nil {
		return "", err
	}
	return textAt(config, "data", secretsFile), nil
}

// withKey puts the key in the placeholder's place. It is written in base64, which strongSwan takes, so that no character
// of it means something to the file.
func withKey(text, placeholder, key string) (string, error) {
	quoted := `"` + placeholder + `"`
	switch {
	case key == "" || placeholder == "":
		return "", errors.New("the pre-shared key is empty")
	case strings.Count(text, quoted) != 1 || strings.Count(text, placeholder) != 1:
		return "", unexpected("its entry %s does not hold the key once, in quotes", secretsFile)
	}
	return strings.Replace(text, quoted, "0s"+base64.StdEncoding.EncodeToString([]byte(key)), 1), nil
}

// tableAt goes down a path of tables, nil where it ends.
func tableAt(table map[string]any, path ...string) map[string]any {
	for _, name := range path {
		table, _ = table[name].(map[string]any)
	}
	return table
}

func textAt(table map[string]any, path ...string) string {
	last := len(path) - 1
	text, _ := tableAt(table, path[:last]...)[path[last]].(string)
	return text
}
