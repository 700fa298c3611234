# Every configuration of an association that the AWS provider's users write, and the resources beside it.
# `phase` 1 creates; 2 and 3 change in place. Endpoint and credentials come from the environment.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "phase" { type = number }
variable "endpoint" { type = string }

provider "aws" {
  endpoints {
    ssm = var.endpoint
    sts = var.endpoint
  }
}

locals {
  step    = var.phase - 1
  changed = var.phase > 1
}

# Documents

resource "aws_ssm_document" "legacy" {
  name          = "tf-legacy"
  document_type = "Command"
  content = jsonencode({
    schemaVersion = "1.2"
    description   = "Says a word."
    parameters    = { word = { type = "String", default = "hello" } }
    runtimeConfig = {
      "aws:runShellScript" = { properties = [{ id = "0.aws:runShellScript", runCommand = ["echo {{ word }}"] }] }
    }
  })
}

resource "aws_ssm_document" "shell" {
  name            = "tf-shell"
  document_type   = "Command"
  document_format = "YAML"
  tags            = local.changed ? { team = "blue" } : { team = "red", gone = "soon" }
  content         = <<-YAML
    schemaVersion: "2.2"
    description: ${local.changed ? "Says it twice." : "Says it."}
    parameters:
      word:
        type: String
        default: hello
    mainSteps:
      - action: aws:runShellScript
        name: speak
        inputs:
          runCommand: ["echo {{ word }}"]
  YAML
}

resource "aws_ssm_document" "automation" {
  name          = "tf-automation"
  document_type = "Automation"
  content = jsonencode({
    schemaVersion = "0.3"
    description   = "Waits."
    assumeRole    = "{{ AutomationAssumeRole }}"
    parameters = {
      Directory            = { type = "String" }
      AutomationAssumeRole = { type = "String", default = "" }
    }
    mainSteps = [{ name = "wait", action = "aws:sleep", inputs = { Duration = "PT1S" } }]
  })
}

resource "aws_ssm_document" "shared" {
  name          = "tf-shared"
  document_type = "Command"
  permissions   = { type = "Share", account_ids = local.changed ? "111122223333" : "111122223333,444455556666" }
  content       = aws_ssm_document.legacy.content
}

# Associations

resource "aws_ssm_association" "legacy" {
  name        = aws_ssm_document.legacy.name
  instance_id = "i-0123456789abcdef0"
  parameters  = local.changed ? { word = "hi" } : null
}

resource "aws_ssm_association" "targets" {
  name = aws_ssm_document.shell.name
  dynamic "targets" {
    for_each = local.step == 1 ? ["tag:Name", "tag:ExtraName"] : ["tag:Name"]
    content {
      key    = targets.value
      values = ["acceptance"]
    }
  }
}

resource "aws_ssm_association" "named" {
  name                = aws_ssm_document.shell.name
  association_name    = ["nightly", "weekly", "weekly"][local.step]
  schedule_expression = [null, "cron(0 16 ? * TUE *)", "cron(0 16 ? * WED *)"][local.step]
  parameters          = { word = local.changed ? "more" : "less" }
  tags                = local.changed ? { team = "blue" } : { team = "red", gone = "soon" }
  targets {
    key    = "tag:Name"
    values = ["acceptance"]
  }
}

resource "aws_ssm_association" "cron_only" {
  name                        = aws_ssm_document.shell.name
  schedule_expression         = "cron(0 16 ? * TUE *)"
  apply_only_at_cron_interval = !local.changed
  targets {
    key    = "tag:Name"
    values = ["acceptance"]
  }
}

resource "aws_ssm_association" "versioned" {
  name             = aws_ssm_document.shell.name
  document_version = local.step == 2 ? "$LATEST" : "1"
  targets {
    key    = "InstanceIds"
    values = ["*"]
  }
}

resource "aws_ssm_association" "output" {
  name = aws_ssm_document.shell.name
  output_location {
    s3_bucket_name = "acceptance-output"
    s3_key_prefix  = local.changed ? "later" : "first"
    s3_region      = local.step == 2 ? null : "us-east-1"
  }
  targets {
    key    = "tag:Name"
    values = ["acceptance"]
  }
}

resource "aws_ssm_association" "success" {
  name                             = aws_ssm_document.shell.name
  wait_for_success_timeout_seconds = 30
  targets {
    key    = "tag:Name"
    values = ["nobody has this"]
  }
}

resource "aws_ssm_association" "limits" {
  name                = aws_ssm_document.shell.name
  compliance_severity = local.changed ? "LOW" : "HIGH"
  max_concurrency     = local.changed ? "20%" : "10%"
  max_errors          = local.changed ? "20%" : "10%"
  targets {
    key    = "tag:Name"
    values = ["acceptance"]
  }
}

resource "aws_ssm_association" "baseline" {
  name                        = "AWS-RunPatchBaselineAssociation"
  association_name            = "baseline"
  apply_only_at_cron_interval = false
  sync_compliance             = local.changed ? "AUTO" : "MANUAL"
  schedule_expression         = "cron(0 6 ? * * *)"
  parameters                  = { Operation = "Scan", RebootOption = "NoReboot" }
  targets {
    key    = "InstanceIds"
    values = ["*"]
  }
  lifecycle {
    ignore_changes = [parameters["AssociationId"]]
  }
}

resource "aws_ssm_association" "automation" {
  name                             = aws_ssm_document.automation.name
  automation_target_parameter_name = "Directory"
  schedule_expression              = local.changed ? "rate(2 hours)" : "rate(60 minutes)"
  parameters                       = { AutomationAssumeRole = "arn:aws:iam::123456789012:role/automation" }
  targets {
    key    = "tag:Name"
    values = ["acceptance"]
  }
}

# Beside them

resource "aws_ssm_parameter" "text" {
  name        = "/tf/text"
  type        = "String"
  value       = local.changed ? "later" : "first"
  description = local.changed ? "Changed." : "A word."
  tags        = local.changed ? { team = "blue" } : { team = "red", gone = "soon" }
}

resource "aws_ssm_parameter" "list" {
  name            = "/tf/list"
  type            = "StringList"
  allowed_pattern = "^[a-z]+$"
  value           = local.changed ? "a,b" : "a"
}

resource "aws_ssm_parameter" "secret" {
  name  = "/tf/secret"
  type  = "SecureString"
  tier  = local.changed ? "Advanced" : "Standard"
  value = local.changed ? "hush-hush" : "hush"
}

resource "aws_ssm_activation" "site" {
  name               = "site"
  description        = "Machines of a site."
  iam_role           = "service-role/site"
  registration_limit = 5
  tags               = { site = "north" }
}

resource "aws_ssm_service_setting" "sharing" {
  setting_id    = "arn:aws:ssm:us-east-1:123456789012:servicesetting/ssm/documents/console/public-sharing-permission"
  setting_value = local.changed ? "Enable" : "Disable"
}

data "aws_caller_identity" "me" {}

data "aws_ssm_document" "shell" {
  name            = aws_ssm_document.shell.name
  document_format = "JSON"
}

data "aws_ssm_parameter" "secret" {
  name = aws_ssm_parameter.secret.name
}

data "aws_ssm_parameters_by_path" "all" {
  path       = "/tf"
  depends_on = [aws_ssm_parameter.text, aws_ssm_parameter.list, aws_ssm_parameter.secret]
}

data "aws_ssm_instances" "linux" {
  filter {
    name   = "PlatformTypes"
    values = ["Linux"]
  }
}

output "account" { value = data.aws_caller_identity.me.account_id }
output "document" { value = jsondecode(data.aws_ssm_document.shell.content).description }
output "names" { value = sort(data.aws_ssm_parameters_by_path.all.names) }
output "nodes" { value = data.aws_ssm_instances.linux.ids }
output "secret" {
  value     = data.aws_ssm_parameter.secret.value
  sensitive = true
}
