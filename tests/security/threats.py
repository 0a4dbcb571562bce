"""Each threat with the tests that show what chatnb does about it; SECURITY.md says it in words."""

from __future__ import annotations

THREATS: dict[str, tuple[str, ...]] = {
    "a key in the notebook": (
        "security/test_keys.py::test_no_cell_shows_the_key_and_no_file_keeps_it",
        "browser/test_keys_in_files.py::test_no_file_of_jupyter_holds_the_key",
        "browser/test_keys_in_files.py::test_a_key_that_is_typed_at_the_prompt_is_in_no_file",
        "browser/test_panel_journey.py::test_no_key_is_in_the_saved_notebook",
        "kernels/test_survival.py::test_each_situation_gets_one_line",
        "test_connections.py::test_a_key_in_the_place_of_its_name_is_refused_and_not_repeated",
    ),
    "a key in a traceback": (
        "security/test_keys.py::test_no_traceback_shows_the_key",
        "security/test_keys.py::test_no_traceback_of_an_interrupt_shows_the_key",
        "security/test_keys.py::test_a_key_that_cannot_be_used_is_not_shown",
        "security/test_key_filter.py::test_no_variable_of_an_error_holds_the_key",
        "security/test_key_filter.py::test_no_variable_of_an_interrupt_holds_the_key",
    ),
    "a key in the log, a repr, a pickle, debug output": (
        "security/test_keys.py::test_no_cell_shows_the_key_and_no_file_keeps_it",
        "security/test_keys.py::test_a_key_in_a_prompt_is_sent_and_in_no_row",
        "security/test_keys.py::test_what_the_libraries_log_holds_neither_the_key_nor_a_cookie",
        "log/test_request_log.py::test_keys_are_in_no_byte_of_the_log",
        "security/test_key_filter.py::test_a_word_that_stands_for_no_key_hides_nothing",
    ),
    "a server that repeats the key": (
        "security/test_keys.py::test_a_server_that_repeats_the_key_makes_nobody_show_it",
        "security/test_keys.py::test_no_message_to_the_panel_holds_the_key",
        "security/test_key_filter.py::test_a_key_in_pieces_of_any_size_is_never_shown",
        "security/test_key_filter.py::test_a_key_is_found_in_any_spelling_of_json",
        "fuzz/test_keys.py::test_no_cut_lets_a_key_pass",
    ),
    "a key that goes to the wrong host": (
        "test_connections.py::test_openais_key_goes_to_no_other_host",
        "wire/test_connections.py::test_nothing_of_the_environment_goes_to_another_host",
        "wire/test_connections.py::test_a_server_without_key_gets_no_authorization",
        "security/test_files.py::test_no_env_file_is_read",
    ),
    "an address that is no model's": (
        "test_connections.py::test_an_unusable_address_is_one_line_that_repeats_no_secret",
        "test_connections.py::test_a_name_leads_to_no_metadata_service",
        "test_connections.py::test_a_private_name_leads_to_no_public_address_in_clear",
        "wire/test_connections.py::test_a_name_that_leads_to_a_metadata_service_gets_not_a_byte",
        "fuzz/test_addresses.py::test_no_spelling_hides_a_link_local_address",
        "fuzz/test_addresses.py::test_any_text_is_a_base_url_or_refused_in_one_line",
    ),
    "redirects and proxies": (
        "wire/test_connections.py::test_redirects_are_not_followed",
        "wire/test_connections.py::test_proxies_are_not_used_for_loopback",
    ),
    "answers as active content": (
        "browser/test_active_content.py::"
        "test_nothing_acts_in_cells_nor_when_the_notebook_is_opened_again",
        "browser/test_active_content.py::test_nothing_acts_in_the_panel",
        "browser/test_chat_journey.py::test_hostile_text_stays_text",
        "rendering/test_reply_html.py::test_hostile_text_stays_text",
        "fuzz/test_text.py::test_nothing_active_comes_out_of_any_text",
        "fuzz/test_text.py::test_the_html_means_the_same_when_a_browser_has_read_it",
        "cell_view/test_notebook.py::test_no_output_ever_has_markdown",
        "security/test_files.py::test_the_front_end_makes_markup_in_one_place_and_code_nowhere",
    ),
    "images as beacons": (
        "browser/test_active_content.py::"
        "test_nothing_acts_in_cells_nor_when_the_notebook_is_opened_again",
        "rendering/test_reply_html.py::test_an_image_is_a_link_that_says_what_it_shows",
    ),
    "code in braces": (
        "magics/test_chat_magic.py::test_a_prompt_reaches_the_model_byte_for_byte",
        "test_magic_line.py::test_only_whole_references_to_simple_names_are_filled",
        "fuzz/test_magic_line.py::test_nothing_but_whole_names_is_filled",
    ),
    "an untrusted notebook": (
        "browser/test_chat_journey.py::test_opening_a_notebook_sends_nothing",
        "browser/test_active_content.py::"
        "test_nothing_acts_in_cells_nor_when_the_notebook_is_opened_again",
    ),
    "others on this machine: the model server": (
        "local/test_server.py::test_every_path_needs_the_token_under_any_host",
        "local/test_server.py::test_no_origin_is_allowed",
        "local/test_server.py::test_the_token_is_in_no_argument_environment_or_repr",
        "local/test_server.py::test_files_are_private_under_any_umask",
        "local/test_server.py::test_it_listens_on_loopback_only",
        "local/test_impostors.py::test_a_process_that_has_ended_serves_nobody",
        "local/test_impostors.py::test_a_prompt_goes_to_a_new_server_when_another_took_the_port",
        "security/test_keys.py::test_the_token_of_the_embedded_model_is_shown_nowhere",
    ),
    "others on this machine: files": (
        "security/test_files.py::test_everything_written_under_umask_000_is_private",
        "security/test_files.py::test_a_spool_is_private_under_umask_000",
        "log/test_log_failures.py::test_a_symbolic_link_is_refused",
        "log/test_shared_directories.py::"
        "test_no_row_goes_into_a_file_that_somebody_else_has_planted",
        "log/test_shared_directories.py::test_no_row_goes_into_a_directory_of_somebody_else",
        "log/test_shared_directories.py::"
        "test_rows_that_somebody_else_left_beside_the_log_are_not_taken_in",
        "log/test_shared_directories.py::test_a_link_to_a_directory_of_ones_own_will_do",
        "local/test_server.py::test_a_runtime_directory_behind_a_link_is_not_used",
    ),
    "data that is run": (
        "security/test_files.py::test_no_code_is_made_of_data",
        "local/test_model_download.py::test_what_is_called_pip_in_the_working_directory_is_not_run",
    ),
    "an export in the wrong place": (
        "log/test_log_export.py::test_a_relative_path_stays_in_the_working_directory",
        "log/test_log_export.py::test_an_existing_file_is_replaced_only_when_asked",
    ),
    "an export that a spreadsheet runs": (
        "log/test_log_export.py::test_spreadsheet_cells_that_look_like_formulas_are_quoted",
    ),
    "an export that says too much": (
        "log/test_anonymous_export.py::test_nothing_says_whose_rows_they_are",
        "log/test_log_export.py::test_purge_deletes_every_row_and_its_text",
        "log/test_request_log.py::test_a_log_in_memory_has_rows_and_no_file",
    ),
    "terminal escapes": (
        "security/test_terminal.py::test_nothing_that_a_terminal_obeys_is_printed",
        "security/test_terminal.py::test_the_name_of_a_file_is_text_for_a_terminal",
        "security/test_terminal.py::test_the_line_of_an_error_is_one_line",
        "fuzz/test_text.py::test_no_terminal_obeys_any_text",
    ),
    "somebody else's notebook in the working directory": (
        "command_line/test_demo.py::test_the_first_notebook_runs_on_a_terminal",
    ),
    "runaway cost": (
        "test_budgets.py::test_a_loop_of_100_cells_stops_at_the_limit",
        "test_budgets.py::test_a_server_sees_no_request_beyond_the_limit",
    ),
}
