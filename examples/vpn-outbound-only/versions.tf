terraform {
  required_version = ">= 1.11"
  required_providers {
    iks = {
      source = "iks-patterns/iks"
    }
  }
}

# The API key comes from the environment: IC_API_KEY or IBMCLOUD_API_KEY.
provider "iks" {
  region = var.region
}
