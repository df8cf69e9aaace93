// Program compose prints the services of docker-compose.yml in this folder, or the reason why it cannot be read: it reads
// the file with the library of the Compose plugin. COMPOSE_PROFILES and --env-file are the plugin's.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	var environmentFiles []string
	flag.Func("env-file", "in place of .env", func(file string) error {
		environmentFiles = append(environmentFiles, file)
		return nil
	})
	flag.Parse()
	if err := printProject(environmentFiles); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printProject(environmentFiles []string) error {
	options, err := cli.NewProjectOptions(
		nil,
		cli.WithOsEnv,
		cli.WithEnvFiles(environmentFiles...),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithDefaultProfiles(),
	)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(project)
}
