variable "region" {
  description = "IBM Cloud region of the clusters."
  type        = string
  default     = "us-south"
}

variable "api_key_a" {
  description = "API key of the account that has cluster a."
  type        = string
  sensitive   = true
}

variable "api_key_b" {
  description = "API key of the account that has cluster b."
  type        = string
  sensitive   = true
}

variable "cluster_a" {
  description = "Name or ID of the cluster that listens."
  type        = string
}

variable "cluster_b" {
  description = "Name or ID of the cluster that calls."
  type        = string
}

variable "strongswan_image" {
  description = "Image with strongSwan, built with the provider's Dockerfile (internal/pattern/strongswan/image) and pushed to a registry that both clusters pull from; best with its digest."
  type        = string
}

variable "preshared_key" {
  description = "Pre-shared key of the tunnel, 32 random characters. Terraform keeps it nowhere."
  type        = string
  ephemeral   = true
}

variable "preshared_key_version" {
  description = "Version of the key: another one writes the key anew, on both ends."
  type        = number
  default     = 1
}
