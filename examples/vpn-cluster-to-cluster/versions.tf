terraform {
  required_version = ">= 1.11"
  required_providers {
    iks = {
      source = "iks-patterns/iks"
    }
  }
}

# One key for each account, for example from TF_VAR_api_key_a and TF_VAR_api_key_b.
provider "iks" {
  alias            = "a"
  region           = var.region
  ibmcloud_api_key = var.api_key_a
}

provider "iks" {
  alias            = "b"
  region           = var.region
  ibmcloud_api_key = var.api_key_b
}
